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
  await page.getByLabel('Live calls at most').fill('2');
  await page.getByRole('button', { name: 'Save limits' }).click();
  await expect(page.getByRole('status').getByText('Saved')).toBeVisible();
  await expectAccessible(page);
  expect(await begun(), 'no call began meanwhile').toBe(before);
  expect((await client.ask(`/campaigns/${id}`)).limits).toEqual({ callsPerSecond: 5, maxLiveCalls: 2 });

  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('button', { name: 'Go on' }).click();
  // One of the two may ring to no avail.
  await expect(talking).toHaveText(/^[12]$/);
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: /Cancel the campaign/ }).click();
  await page.getByRole('button', { name: 'Cancel the campaign' }).click();
  await expect(state).toContainText('Cancelled');
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

test('a long list scrolls, page by page, both ways', async ({ inside: page, client }) => {
  const { agent } = await client.equip({ ringMs: 1_000, talkMs: 1_000 });
  const id = await client.campaign(agent, 1_500);
  await page.goto(`/campaigns/${id}/recipients`);
  const list = page.getByRole('region', { name: 'Recipients' });
  await expect(list.getByRole('link').first()).toBeVisible();
  const first = await list.getByRole('link').first().textContent();
  await list.focus();
  await expect(async () => {
    await page.keyboard.press('End');
    await expect(list.getByRole('row', { name: '+12125550000' })).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 60_000 });
  // Only what is in view exists.
  expect(await list.getByRole('row').count()).toBeLessThan(80);
  await page.keyboard.press('Home');
  await expect(list.getByRole('link', { name: first ?? '', exact: true })).toBeVisible();
  await page.getByLabel('From the other end').check();
  await expect(list.getByRole('row').nth(1)).toContainText('+12125550000');
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
  ]) {
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide, path).toBeLessThanOrEqual(390);
  }
  await page.goto('/campaigns');
  await page.getByRole('button', { name: 'Menu' }).click();
  await expect(page.getByRole('link', { name: 'Campaigns' })).toBeVisible();
  await expectAccessible(page);
  await picture(page, 'phone');
});
