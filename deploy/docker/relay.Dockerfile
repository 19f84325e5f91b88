# The media relay of the edges: rtpengine in user space, with deploy/rtpengine. `interface` comes from the environment.
FROM debian:12.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends rtpengine-daemon && rm -rf /var/lib/apt/lists/*
COPY deploy/rtpengine/rtpengine.conf /etc/rtpengine/rtpengine.conf
USER rtpengine
ENTRYPOINT ["sh", "-c", "exec rtpengine --foreground --log-stderr --config-file /etc/rtpengine/rtpengine.conf --interface \"$INTERFACE\" --listen-ng \"$CONTROL\""]
