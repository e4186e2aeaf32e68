# syntax=docker/dockerfile:1
# glibc, because the embedded ClickHouse needs it; the Node that package.json names.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY dashboard/package.json dashboard/
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY . .
RUN npm run build --workspace @faultline/dashboard
# What runs is what stays: no build tools, and no second Node.
RUN npm prune --omit=dev --no-audit --no-fund && rm -rf node_modules/node-linux-* test dashboard/src

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production TZ=UTC
WORKDIR /app
COPY --from=build /app /app
# The data folder belongs to the user that runs; a volume made here inherits that.
RUN ln -s /app/docker/faultline /usr/local/bin/faultline \
  && install -d -o node -g node -m 0700 /data
USER node
VOLUME /data
EXPOSE 3000
ENV FAULTLINE_DATA_DIR=/data
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
  CMD ["node", "/app/docker/healthcheck.js", "live", "3000"]
ENTRYPOINT ["faultline"]
CMD ["start"]
