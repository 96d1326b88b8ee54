# In the place of restic's official image of its REST server: this machine's rclone on the same port and volume.
ARG BASE
FROM ${BASE}
COPY rclone /usr/bin/rclone
ENTRYPOINT ["/usr/bin/rclone", "serve", "restic", "--addr", ":8000", "/data"]
CMD []
HEALTHCHECK NONE
