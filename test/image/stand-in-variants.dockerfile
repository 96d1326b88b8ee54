# Upstream's other variants, on the stand-in for its standard image.
ARG STANDARD

# It has no MariaDB.
FROM ${STANDARD} AS slim
RUN rm /usr/sbin/mariadbd
ENV UPTIME_KUMA_ENABLE_EMBEDDED_MARIADB=

FROM ${STANDARD} AS rootless
USER node
