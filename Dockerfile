FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY . .
# With cgo, which go-nvml needs: it opens the driver's libnvidia-ml when it runs,
# so the same image serves hosts with and without a GPU.
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=1 go build -trimpath -ldflags "-s -w" -o /out/signalbox ./cmd/signalbox

# The same Debian as above: the program needs its glibc.
FROM debian:bookworm-slim
# poppler-data: without it the text of some Chinese, Japanese and Korean PDF is lost.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates poppler-data poppler-utils \
    && rm -rf /var/lib/apt/lists/*
# A named volume takes over the owner of the folder that it is mounted on.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/signalbox \
        --shell /usr/sbin/nologin signalbox \
    && install --directory --owner=signalbox --group=signalbox \
        /var/lib/signalbox/store /var/lib/signalbox/state
COPY --from=build /out/signalbox /usr/local/bin/signalbox
USER 10001:10001
# Where signalbox.yaml is mounted, the default of --config.
WORKDIR /etc/signalbox
EXPOSE 9464
ENTRYPOINT ["signalbox"]
