import * as pulumi from "@pulumi/pulumi";
import { CanaryRelease } from "@canary/canary-release";

const config = new pulumi.Config();
const labels = { app: "web" };
const web = new CanaryRelease("web", {
    manifest: [
        {
            apiVersion: "apps/v1",
            kind: "Deployment",
            metadata: { name: "web" },
            spec: {
                replicas: 2,
                selector: { matchLabels: labels },
                template: {
                    metadata: { labels },
                    spec: {
                        containers: [
                            {
                                name: "web",
                                image: "arisu1000/simple-container-app",
                                ports: [{ containerPort: 8080 }],
                            },
                        ],
                    },
                },
            },
        },
        {
            apiVersion: "v1",
            kind: "Service",
            metadata: { name: "web" },
            spec: { type: "NodePort", selector: labels, ports: [{ port: 8080 }] },
        },
    ],
    namespace: config.require("namespace"),
    stableVersion: config.require("stableVersion"),
    canaryVersion: config.require("canaryVersion"),
    canaryReplicas: config.requireNumber("canaryReplicas"),
});
export const nodePort = web.nodePort;
