import { defineConfig } from '@playwright/test';

// Debian's own browser: nothing is downloaded. As root, as in containers, it has no sandbox of its own.
const isRoot = process.getuid?.() === 0;

export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  // Each test has a server of its own, which dials: two at once are enough for a small machine.
  workers: 2,
  fullyParallel: true,
  timeout: 150_000,
  expect: { timeout: 15_000 },
  reporter: 'list',
  use: {
    browserName: 'chromium',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: isRoot ? ['--no-sandbox'] : [],
    },
    viewport: { width: 1280, height: 800 },
    trace: 'retain-on-failure',
  },
});
