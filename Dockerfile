# Replicator Kuma in the place of louislam/uptime-kuma: the same image, of which not a file is changed, with
# replicator-kuma and restic beside it. The variants are upstream's, by their tags: 2, 2-slim, 2-rootless,
# 2-slim-rootless, or a release such as 2.5.3. `npm run build` comes first: it makes dist/.
#
#   docker build --build-arg KUMA_TAG=2-slim .

ARG KUMA_TAG=2
ARG BASE_IMAGE=docker.io/louislam/uptime-kuma:${KUMA_TAG}
ARG RESTIC_IMAGE=docker.io/restic/restic:0.18.1

FROM ${RESTIC_IMAGE} AS restic

FROM ${BASE_IMAGE}

# No USER: every variant keeps upstream's, to whom the files in existing volumes belong.
COPY --from=restic /usr/bin/restic /usr/local/bin/
COPY LICENSE package.json /usr/local/lib/replicator-kuma/
COPY dist/replicator-kuma.js dist/replicator-kuma-agent.cjs dist/replicator-kuma.licenses.txt /usr/local/lib/replicator-kuma/dist/
COPY docker/replicator-kuma docker/replicator-kuma-health /usr/local/bin/

# Refuses a base whose Node is too old, as Kuma 2.0's is, and a restic that does not run on it.
RUN replicator-kuma --version && restic version

# Upstream's own labels would name upstream's source.
ARG VERSION=
ARG REVISION=
ARG KUMA_TAG
LABEL org.opencontainers.image.title="Replicator Kuma" \
	org.opencontainers.image.description="Uptime Kuma that is kept in sync with the other instances of its fleet" \
	org.opencontainers.image.licenses="MIT AND BSD-2-Clause" \
	org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.revision="${REVISION}" \
	org.opencontainers.image.source="https://github.com/replicator-kuma/replicator-kuma" \
	org.opencontainers.image.base.name="docker.io/louislam/uptime-kuma:${KUMA_TAG}"

HEALTHCHECK --interval=60s --timeout=30s --start-period=180s --retries=5 CMD ["replicator-kuma-health"]
ENTRYPOINT ["/usr/bin/dumb-init", "--"]
CMD ["replicator-kuma", "run"]
