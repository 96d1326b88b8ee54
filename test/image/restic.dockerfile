# In the place of restic's official image: this machine's restic at the same path.
FROM scratch
COPY restic /usr/bin/restic
