# callctl: the controller, its commands. Built from the project's folder: docker build -f deploy/docker/callctl.Dockerfile .
FROM debian:12.11-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv python3-dev gcc pkg-config libmariadb-dev
COPY . /src
RUN python3 -m venv /opt/callctl && /opt/callctl/bin/pip install --quiet --disable-pip-version-check /src

FROM debian:12.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3 libmariadb3 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --create-home --home-dir /var/lib/callctl --shell /usr/sbin/nologin --user-group callctl
COPY --from=build /opt/callctl /opt/callctl
ENV PATH=/opt/callctl/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
USER callctl
ENTRYPOINT ["callctl"]
CMD ["serve", "--workers", "2"]
