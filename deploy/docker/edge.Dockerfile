# An edge: Kamailio with deploy/kamailio, and the statements that make its tables. Its facts come from the environment.
FROM debian:12.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends kamailio kamailio-mysql-modules kamailio-tls-modules kamailio-websocket-modules mariadb-client openssl && rm -rf /var/lib/apt/lists/*
COPY deploy/kamailio/*.cfg /etc/kamailio/
COPY deploy/docker/edge.sh deploy/docker/tables.sh /usr/local/bin/
ENV TZ=UTC
USER kamailio
ENTRYPOINT ["sh", "/usr/local/bin/edge.sh"]
