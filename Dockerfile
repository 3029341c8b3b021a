# mcp-conform in a container. To judge servers that are started here, begin with an image that can run them:
#   docker build --build-arg BASE=node:22-bookworm-slim -t mcp-conform .
#   docker run --rm -v "$PWD:/work" mcp-conform stdio -- npx -y my-server
ARG BASE=debian:bookworm-slim

FROM rust:1.90-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock build.rs README.md ./
COPY benches benches
COPY cases cases
COPY fixtures/rmcp fixtures/rmcp
COPY src src
RUN cargo build --release --locked --bin mcp-conform

FROM ${BASE}
COPY --from=build /build/target/release/mcp-conform /usr/local/bin/mcp-conform
WORKDIR /work
ENTRYPOINT ["mcp-conform"]
CMD ["--help"]
