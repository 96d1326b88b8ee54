# What the product's image is built on in tests, where no registry can be reached: Debian packages, Node, and the
# Uptime Kuma that tests use, laid out as upstream's images are. Only what an image built on it can notice is alike.

FROM scratch
ADD debian.tar /
RUN useradd --uid 1000 --create-home node
COPY --from=kuma --chown=node:node . /app/
COPY --from=packages --chown=node:node . /app/node_modules/
COPY --from=node node /usr/local/bin/node
COPY healthcheck.sh /app/extra/healthcheck
COPY mariadb.cnf /etc/mysql/my.cnf
# The pre-release that npm has keeps the socket of its own database elsewhere than releases do.
RUN sed --in-place 's#"/app/data/run/mariadb"#"/app/data/run"#; s#"/mysqld.sock"#"/mariadb.sock"#' \
		/app/server/embedded-mariadb.js \
	&& mkdir --parents /app/data && chown node:node /app /app/data
LABEL org.opencontainers.image.source="https://github.com/louislam/uptime-kuma"
ENV UPTIME_KUMA_IS_CONTAINER=1 UPTIME_KUMA_ENABLE_EMBEDDED_MARIADB=1
WORKDIR /app
EXPOSE 3001
HEALTHCHECK --interval=60s --timeout=30s --start-period=180s --retries=5 CMD extra/healthcheck
ENTRYPOINT ["/usr/bin/dumb-init", "--"]
CMD ["node", "server/server.js"]
