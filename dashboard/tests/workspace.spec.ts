import { Client, enter, expect, expectAccessible, test } from './fixtures';

test('rules that are loosened are asked for once more, and hold', async ({ inside: page, client }) => {
  await page.goto('/workspace');
  await expect(page.getByText('the workspace has no hours of its own')).toBeVisible();
  await page.getByLabel('In 24 hours, at most').fill('many');
  await expect(page.getByRole('button', { name: 'Save the rules' })).toBeDisabled();
  await page.getByLabel('In 24 hours, at most').fill('200');
  await page.getByRole('button', { name: 'Save the rules' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Save the rules' }).click();
  await expect(page.getByLabel('In 24 hours, at most'), 'the API says no').toHaveAttribute('aria-invalid', 'true');
  await page.getByLabel('In 24 hours, at most').fill('2');
  await page.getByLabel('Leave the hours to each campaign').uncheck();
  await page.getByRole('button', { name: 'Save the rules' }).click();
  await expect(page.getByRole('status').getByText('Rules saved')).toBeVisible();
  const strict = await client.ask('/workspace/rules');
  expect([strict.caps.maxPer24h, strict.schedule.hours.mon]).toEqual([2, ['09:00-20:00']]);
  await expect(page.getByText('the workspace has no hours of its own')).toHaveCount(0);
  await expectAccessible(page);

  // What is stricter is not asked for, what is looser is.
  await page.getByText('To the minute').click();
  await page.getByLabel('Sunday', { exact: true }).fill('');
  await page.getByRole('button', { name: 'Save the rules' }).click();
  await expect(async () =>
    expect((await client.ask('/workspace/rules')).schedule.hours.sun ?? []).toEqual([]),
  ).toPass();
  await page.getByLabel('Sunday', { exact: true }).fill('10:00-10:45');
  await page.getByLabel('In 24 hours, at most').fill('9');
  await page.getByRole('button', { name: 'Save the rules' }).click();
  const question = page.getByRole('alertdialog', { name: 'Loosen the rules?' });
  await expect(question).toContainText('One number may be called more often in 24 hours.');
  await expect(question).toContainText('People may be called 45 minutes longer in a week.');
  expect((await client.ask('/workspace/rules')).caps.maxPer24h, 'not before it was asked').toBe(2);
  await expectAccessible(page);
  await question.getByRole('button', { name: 'Save the rules' }).click();
  await expect(question).toHaveCount(0);
  await expect(async () => expect((await client.ask('/workspace/rules')).caps.maxPer24h).toBe(9)).toPass();
});

test('what has just been done is in the log, with what was before', async ({ inside: page }) => {
  await page.goto('/workspace');
  await page.getByLabel('In 24 hours, at most').fill('2');
  await page.getByRole('button', { name: 'Save the rules' }).click();
  await expect(page.getByRole('status').getByText('Rules saved')).toBeVisible();
  await page.getByRole('link', { name: 'Audit log' }).click();
  await page.getByLabel('What', { exact: true }).selectOption('workspace.rules');
  await expect(page).toHaveURL(/action=workspace.rules/);
  await page.getByRole('button', { name: 'Changed the calling rules' }).first().click();
  const entry = page.getByRole('dialog', { name: 'Changed the calling rules' });
  const change = entry.getByRole('table', { name: 'What has changed' }).getByRole('row', { name: /max per 24h/ });
  await expect(change.getByRole('cell')).toHaveText(['caps, max per 24h', '3', '2']);
  await expectAccessible(page);
  await entry.getByRole('button', { name: 'Close' }).click();
  await expectAccessible(page);
});

test('hours of the workspace hold single calls', async ({ inside: page, client }) => {
  const { agent } = await client.equip({ ringMs: 100, talkMs: 100 });
  const call = () => client.ask('/sessions', { agentId: agent, toNumber: '+12025550123' });
  await call();
  // Whatever time it is there: a day that is neither today nor around it.
  const far = new Date(Date.now() + 3 * 86_400_000).toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' });
  await page.goto('/workspace');
  await page.getByLabel('Leave the hours to each campaign').uncheck();
  await page.getByText('To the minute').click();
  for (const day of ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'])
    await page.getByLabel(day, { exact: true }).fill(day === far ? '09:00-10:00' : '');
  await page.getByRole('button', { name: 'Save the rules' }).click();
  await expect(page.getByRole('status').getByText('Rules saved')).toBeVisible();
  await expect(call()).rejects.toThrow(/hours/);
});

test('rules that somebody else has changed meanwhile are not saved over', async ({ inside: page, server, key }) => {
  await page.goto('/workspace');
  await page.getByLabel('In 7 days, at most').fill('5');
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
  const put = (body: object) =>
    fetch(`${server.url}/api/v1/workspace/rules`, { method: 'PUT', headers, body: JSON.stringify(body) });
  expect((await put({ caps: { maxPer24h: 1 } })).status).toBe(200);
  await page.getByRole('button', { name: 'Save the rules' }).click();
  await expect(page.getByRole('alert')).toContainText('It has been changed since');
  await page.getByRole('button', { name: 'Show the rules as they are now' }).click();
  await expect(page.getByLabel('In 24 hours, at most')).toHaveValue('1');
  await expect(page.getByLabel('In 7 days, at most')).toHaveValue('');
  await page.getByLabel('In 7 days, at most').fill('5');
  await page.getByRole('button', { name: 'Save the rules' }).click();
  await expect(page.getByRole('status').getByText('Rules saved')).toBeVisible();
  const kept = await new Client(server.url, key).ask('/workspace/rules');
  expect([kept.caps.maxPer24h, kept.caps.maxPer7d]).toEqual([1, 5]);
});

test('the workspace gets another name', async ({ inside: page, client }) => {
  await page.goto('/workspace');
  await page.getByLabel('Name of the workspace').fill('Acme of Berlin');
  await page.getByRole('button', { name: 'Rename' }).click();
  await expect(page.getByRole('button', { name: 'Workspace: Acme of Berlin' })).toBeVisible();
  expect((await client.ask('/workspaces/me')).name).toBe('Acme of Berlin');
});

test('the log is narrowed to what one did, and leads to what was changed', async ({ inside: page, client }) => {
  const { agent } = await client.equip({ ringMs: 100, talkMs: 100 });
  await client.campaign(agent, 1, { name: 'Spring' });
  await page.goto('/audit');
  const log = page.getByRole('table', { name: 'Changes' });
  await expect(log.getByRole('button', { name: 'Made a campaign' })).toBeVisible();
  await expect(log.getByRole('row').nth(1), 'the newest first').toContainText('Added recipients');
  await log.getByRole('button', { name: 'Made a campaign' }).click();
  await page.getByRole('button', { name: 'All changes of this' }).click();
  await expect(log.getByRole('row')).toHaveCount(3);
  await page.getByLabel('Who', { exact: true }).selectOption({ label: 'Ringfleet itself' });
  await expect(page.getByText('No change is like this')).toBeVisible();
  await page.getByLabel('Who', { exact: true }).selectOption({ label: 'Anybody' });
  await log.getByRole('link', { name: 'campaign Spring' }).click();
  await expect(page.getByRole('heading', { name: 'Spring' })).toBeVisible();
});

test('a member reads why, and the API agrees', async ({ page, server }) => {
  const key = await server.key('--role', 'member');
  await enter(page, key);
  await page.goto('/workspace');
  const save = page.getByRole('button', { name: 'Save the rules' });
  await save.hover();
  await expect(page.getByText(/may not edit rules/).filter({ visible: true })).toBeVisible();
  await page.getByLabel('In 7 days, at most').fill('1');
  await save.click({ force: true });
  expect((await new Client(server.url, key).ask('/workspace/rules')).caps.maxPer7d ?? null).toBeNull();
  await page.goto('/audit');
  await expect(page.getByText(/may not read the audit log/)).toBeVisible();
  await expectAccessible(page);
});
