import { Client, enter, expect, expectAccessible, picture, test } from './fixtures';

test('a campaign is paused while it dials, and goes on', async ({ inside: page, client }) => {
  const { agent } = await client.equip({ ringMs: 1_000, talkMs: 60_000 });
  const id = await client.campaign(agent, 300, { limits: { callsPerSecond: 5, maxLiveCalls: 40 } });
  await page.goto(`/campaigns/${id}`);
  await page.getByRole('button', { name: 'Start' }).click();
  const state = page.locator('header');
  await expect(state).toContainText('Calling');
  const talking = page.locator('dl').getByText('Talking').locator('xpath=following-sibling::dd[1]');
  await expect(async () => expect(Number(await talking.textContent())).toBeGreaterThan(3)).toPass();
  await picture(page, 'campaign');
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture(page, 'campaign-dark');
  await page.emulateMedia({ colorScheme: null });

  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('alertdialog', { name: 'Pause the campaign?' })).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel('Hang up').check();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Pause' }).click();
  await expect(state).toContainText('Paused');
  await expect(talking).toHaveText('0');
  const begun = async () => (await client.ask(`/campaigns/${id}/stats`)).calls.ended;
  const before = await begun();
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByLabel('Live calls at most').fill('30');
  await page.getByRole('button', { name: 'Save limits' }).click();
  await expect(page.getByRole('status').getByText('Saved')).toBeVisible();
  await expectAccessible(page);
  expect(await begun(), 'no call began meanwhile').toBe(before);
  expect((await client.ask(`/campaigns/${id}`)).limits).toEqual({ callsPerSecond: 5, maxLiveCalls: 30 });

  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('button', { name: 'Resume' }).click();
  // Others are called; whoever had just heard it ring is left alone for a while.
  await expect(async () => expect(Number(await talking.textContent())).toBeGreaterThan(0)).toPass({ timeout: 30_000 });
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: /Cancel the campaign/ }).click();
  await page.getByRole('button', { name: 'Cancel the campaign' }).click();
  await expect(state).toContainText('Cancelled');
});

test('a campaign that can call nobody says why', async ({ inside: page, client }) => {
  const trunk = { name: 'Carrier', kind: 'sip', host: '127.0.0.1', port: 9 };
  const { id: trunkId } = await client.ask('/trunks', trunk);
  const { id: agent } = await client.ask('/agents', { name: 'Asha', greetingText: 'Hello' });
  const id = await client.campaign(agent, 2, { trunkId });
  await page.goto(`/campaigns/${id}/setup?step=check`);
  const why = page.getByText('no worker makes speech of texts');
  await expect(why).toBeVisible();
  await expect(page.getByText('Nobody is called as it is.')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Start calling' }).click();
  await expect(page.locator('header')).toContainText('Calling');
  await expect(why).toBeVisible();
});

test('whoever may not start learns why', async ({ page, server, client }) => {
  const { agent } = await client.equip({ ringMs: 1_000, talkMs: 1_000 });
  const id = await client.campaign(agent, 3);
  const made = await client.ask('/api-keys', { name: 'Reader', role: 'member', scopes: ['read'] });
  const reader: string = made.secret;
  await enter(page, reader);
  await page.goto(`/campaigns/${id}`);
  await page.getByRole('button', { name: 'Start' }).click({ force: true });
  await expect(page.getByText(/scopes.* do not let it run campaigns/).first()).toBeVisible();
  expect((await new Client(server.url, reader).ask(`/campaigns/${id}`)).status).toBe('DRAFT');
});

test('a member without a published agent cannot start, and is told', async ({ page, server, client }) => {
  await client.equip({ ringMs: 1_000, talkMs: 1_000 });
  const key = await server.key('--role', 'member');
  const member = new Client(server.url, key);
  const draft = await member.ask('/agents', { name: 'Unpublished' });
  const id = await member.campaign(draft.id, 3);
  await enter(page, key);
  await page.goto(`/campaigns/${id}/setup?step=check`);
  await page.getByRole('button', { name: 'Start calling' }).click();
  await expect(page.getByRole('alert')).toContainText(/publish/i);
  await expect(page.getByText('Draft', { exact: true })).toBeVisible();
});

test('hours are painted by keyboard and by pointer', async ({ inside: page, client }) => {
  const { agent } = await client.equip({ ringMs: 1_000, talkMs: 1_000 });
  const id = await client.campaign(agent, 3, { schedule: { hours: { mon: ['09:00-10:00'] } } });
  await page.goto(`/campaigns/${id}/setup?step=hours`);
  const grid = page.getByRole('grid', { name: 'Hours of the week' });
  await grid.getByRole('gridcell', { name: 'Monday 09:30 to 10:00' }).focus();
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowDown');
  await expect(grid.getByRole('gridcell', { name: 'Tuesday 10:00 to 10:30' })).toHaveAttribute('aria-selected', 'true');
  const [from, to] = ['Friday 14:00 to 14:30', 'Friday 15:30 to 16:00'].map((name) =>
    grid.getByRole('gridcell', { name }),
  );
  await from?.hover();
  await page.mouse.down();
  await to?.hover();
  await page.mouse.up();
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByLabel('Calls per second')).toBeVisible();
  expect((await client.ask(`/campaigns/${id}`)).schedule.hours).toEqual({
    mon: ['09:00-10:30'],
    tue: ['10:00-10:30'],
    fri: ['14:00-16:00'],
  });
});

test('one may go anywhere in a long list', async ({ inside: page, client }) => {
  const { agent } = await client.equip({ ringMs: 1_000, talkMs: 1_000 });
  const id = await client.campaign(agent, 5_000);
  await page.goto(`/campaigns/${id}/recipients`);
  const list = page.getByRole('region', { name: 'Recipients' });
  const row = (number: string) => list.getByRole('link', { name: number, exact: true });
  await expect(row('+12125554999')).toBeVisible();
  await list.focus();
  await page.keyboard.press('End');
  await expect(row('+12125550000')).toBeVisible();
  await page.keyboard.press('PageUp');
  await page.keyboard.press('PageUp');
  await page.keyboard.press('PageUp');
  await expect(row('+12125550050')).toBeVisible();
  await list.evaluate((element) => element.scrollTo(0, element.scrollHeight / 2));
  await expect(list.getByRole('link').nth(20)).toBeVisible();
  // Only what is in view exists, in its order.
  expect(await list.getByRole('row').count()).toBeLessThan(80);
  const seen = await list.getByRole('link').allTextContents();
  expect(seen).toEqual([...seen].sort().reverse());
  await page.keyboard.press('Home');
  await expect(row('+12125554999')).toBeVisible();
  // And what is looked for is found, however far down it stands.
  await page.getByLabel('Number').fill('5550007');
  await expect(row('+12125550007')).toBeVisible();
  await expect(list.getByRole('row')).toHaveCount(2);
});

test('it fits a phone', async ({ inside: page, client }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const { agent } = await client.equip({ ringMs: 1_000, talkMs: 1_000 });
  const id = await client.campaign(agent, 30);
  for (const path of [
    '/campaigns',
    `/campaigns/${id}`,
    `/campaigns/${id}/recipients`,
    `/campaigns/${id}/setup?step=hours`,
    '/calls',
    '/agents',
    `/agents/${agent}`,
    '/leads',
    '/suppressions',
    '/webhooks',
    '/keys',
    '/members',
    '/workspace',
    '/audit',
    '/trunks',
    '/trunks/new?kind=sip',
    '/fleet',
  ]) {
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide, path).toBeLessThanOrEqual(390);
  }
  await page.goto(`/campaigns/${id}`);
  await expect(page.getByText('of 30')).toBeVisible();
  await picture(page, 'phone');
  await page.getByRole('button', { name: 'Menu' }).click();
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible();
  await expectAccessible(page);
});
