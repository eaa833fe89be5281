import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The API to develop against; the dashboard itself never names a server, for it is served by the one it talks to.
const api = process.env.RINGFLEET_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  server: { proxy: { '/api': api, '/openapi.json': api } },
  build: {
    target: 'es2022',
    // One small file for each page; what is inlined as data: would need another rule of the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Plain bytes; what counts is the compressed first load, which `scripts/compress.mjs` tells.
    chunkSizeWarningLimit: 700,
  },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'], environment: 'node' },
});
