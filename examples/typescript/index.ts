import * as pulumi from "@pulumi/pulumi";
import { CanaryRelease } from "@pulumi/canary-release";

const config = new pulumi.Config();
const web = new CanaryRelease("web", {
    app: "web",
    name: "web",
    namespace: config.require("namespace"),
    image: "arisu1000/simple-container-app",
    stableVersion: config.require("stableVersion"),
    canaryVersion: config.require("canaryVersion"),
    canaryReplicas: config.requireNumber("canaryReplicas"),
});
export const nodePort = web.nodePort;
