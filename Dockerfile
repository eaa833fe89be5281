# syntax=docker/dockerfile:1

# The dashboard's files, which the binary holds. They are the same on every machine, so they are built on this one's.
FROM --platform=$BUILDPLATFORM node:22-bookworm-slim AS dashboard
WORKDIR /src/dashboard
COPY dashboard/package.json dashboard/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY dashboard ./
RUN npm run build

# The same Debian as below: a binary does not run with an older C library than it was linked with.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
COPY --from=dashboard /src/dashboard/dist dashboard/dist
# Downloads and compiled dependencies stay in caches outside the image, so that a second build is short.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin ringfleet \
    && install target/release/ringfleet /usr/local/bin/ringfleet

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 999 --create-home --home-dir /var/lib/ringfleet --shell /usr/sbin/nologin ringfleet \
    && install -d -o ringfleet -g ringfleet -m 700 /var/lib/ringfleet/data
COPY --from=build /usr/local/bin/ringfleet /usr/local/bin/ringfleet
USER ringfleet
WORKDIR /var/lib/ringfleet
EXPOSE 8080
ENTRYPOINT ["ringfleet"]
CMD ["up"]
