import { mkdir } from 'node:fs/promises';

import { AxeBuilder } from '@axe-core/playwright';
import { test as base, expect, type Page } from '@playwright/test';

import { Server } from './server';

export { expect };

/** A client of the API, for what a test needs beforehand. */
export class Client {
  private readonly url: string;
  private readonly key: string;

  constructor(url: string, key: string) {
    this.url = url;
    this.key = key;
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers as they are
  async ask(path: string, body?: unknown): Promise<any> {
    const headers = { Authorization: `Bearer ${this.key}`, 'Content-Type': 'application/json' };
    const how = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const answer = await fetch(`${this.url}/api/v1${path}`, { headers, ...how });
    const said = await answer.json();
    if (!said.success) throw new Error(`${path}: ${said.message}`);
    return said.data;
  }

  /** A trunk that acts as if it called, and an agent. */
  async equip(timing: { ringMs: number; talkMs: number }): Promise<{ trunk: string; agent: string }> {
    const trunk = await this.ask('/trunks', { name: 'Trial', kind: 'simulated', ...timing });
    const agent = await this.ask('/agents', { name: 'Reminder' });
    return { trunk: trunk.id, agent: agent.id };
  }

  /** A campaign at any hour with so many recipients, not started. */
  async campaign(agent: string, recipients: number, more: object = {}): Promise<string> {
    const body = { name: 'March reminders', agentId: agent, schedule: { window: 'always' }, ...more };
    const { id } = await this.ask('/campaigns', body);
    const list = Array.from({ length: recipients }, (_, i) => ({
      to: `+1212555${String(i).padStart(4, '0')}`,
      variables: { name: `Person ${i}` },
    }));
    await this.ask(`/campaigns/${id}/recipients`, { recipients: list });
    return id;
  }
}

interface Fixtures {
  /** Settings of the server, as the environment says them. */
  settings: Readonly<Record<string, string>>;
  server: Server;
  /** A key of an admin. */
  key: string;
  client: Client;
  /** A page, signed in with that key. */
  inside: Page;
}

export const test = base.extend<Fixtures>({
  settings: [{}, { option: true }],
  server: async ({ settings }, use) => {
    const server = await Server.start(settings);
    await use(server);
    await server.stop();
  },
  baseURL: async ({ server }, use) => use(server.url),
  key: async ({ server }, use) => use(await server.key('--role', 'admin')),
  client: async ({ server, key }, use) => use(new Client(server.url, key)),
  page: async ({ page }, use) => {
    const wrong: string[] = [];
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('console', (message) => {
      if (/content security policy|react/i.test(message.text()) && message.type() === 'error')
        wrong.push(message.text());
    });
    await use(page);
    expect(wrong, 'nothing went wrong inside the page').toEqual([]);
  },
  inside: async ({ page, key }, use) => {
    await enter(page, key);
    await use(page);
  },
});

/** Signs in as the sign-in page does, without its form. */
export async function enter(page: Page, key: string): Promise<void> {
  await page.addInitScript((kept) => sessionStorage.setItem('ringfleet.key', kept), key);
}

/** Nothing on the page keeps anybody out seriously, in light and dark. */
export async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    // A colour on its way to another is not the one that people see.
    await page.evaluate(() => {
      // Not waited for: one in a part that is folded away never ends.
      for (const moving of document.getAnimations()) if (moving instanceof CSSTransition) moving.finish();
    });
    const { violations } = await new AxeBuilder({ page }).analyze();
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    const found = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
    expect(found, `${page.url()}, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null });
}

/** Takes a picture for the documents, when that is what the tests are run for. */
export async function picture(page: Page, name: string): Promise<void> {
  if (!process.env.SCREENSHOTS) return;
  await mkdir('../docs/screenshots', { recursive: true });
  await page.screenshot({ path: `../docs/screenshots/${name}.png` });
}
