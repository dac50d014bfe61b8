"""What a release is, from its manifest to its objects. Nothing here knows Pulumi or a cluster."""
