import { Client, enter, expect, expectAccessible, test } from './fixtures';

test('a key is made, opens, is rotated and revoked', async ({ inside: page, server }) => {
  const status = async (key: string) =>
    (await fetch(`${server.url}/api/v1/me`, { headers: { Authorization: `Bearer ${key}` } })).status;
  await page.goto('/keys');
  await page.getByRole('button', { name: 'New key' }).click();
  const dialog = page.getByRole('dialog', { name: 'New key' });
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  await expect(dialog.getByLabel('Name')).toHaveAttribute('aria-invalid', 'true');
  await dialog.getByLabel('Name').fill('Billing');
  await dialog.getByLabel('Role', { exact: true }).selectOption({ index: 1 });
  await dialog.getByLabel('Only some of what the role may').check();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  const shown = page.getByRole('alertdialog', { name: 'The key of Billing' });
  const first = (await shown.locator('pre').first().textContent())?.trim() ?? '';
  expect(await status(first)).toBe(200);
  await expectAccessible(page);
  await shown.getByRole('button', { name: 'I have kept it' }).click();
  await expect(page.getByRole('row', { name: /Billing/ })).toContainText('Developer');
  await expectAccessible(page);

  await page.getByRole('button', { name: 'What can be done with Billing' }).click();
  await page.getByRole('menuitem', { name: 'Rotate' }).click();
  await page.getByRole('button', { name: 'Rotate the key' }).click();
  const second = (await shown.locator('pre').first().textContent())?.trim() ?? '';
  expect([await status(first), await status(second)]).toEqual([401, 200]);
  await shown.getByRole('button', { name: 'I have kept it' }).click();

  await page.getByRole('button', { name: 'What can be done with Billing' }).click();
  await page.getByRole('menuitem', { name: 'Revoke' }).click();
  await page.getByRole('button', { name: 'Revoke the key' }).click();
  await expect(page.getByRole('row', { name: /Billing/ })).toHaveCount(0);
  expect(await status(second)).toBe(401);
});

test('somebody is invited, comes, becomes another, and has to go', async ({ inside: page, browser, server }) => {
  await page.goto('/members');
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  const dialog = page.getByRole('dialog', { name: 'Invite somebody' });
  await dialog.getByLabel('E-mail').fill('ben@example.com');
  await dialog.getByRole('button', { name: 'Invite them' }).click();
  const link = (await dialog.locator('pre').textContent())?.trim() ?? '';
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByRole('table', { name: 'Invitations' })).toContainText('ben@example.com');

  const theirs = await (await browser.newContext({ baseURL: server.url })).newPage();
  await theirs.goto(link);
  await theirs.getByLabel('E-mail').fill('ben@example.com');
  await theirs.getByLabel('Password').fill('correct horse battery');
  await theirs.getByRole('button', { name: 'Create the account' }).click();
  await expect(theirs.getByRole('button', { name: 'Workspace: Acme' })).toBeVisible();
  // A member sees no page that is not theirs, and learns why a button does nothing.
  const menu = theirs.getByRole('navigation', { name: 'Pages' });
  await expect(menu.getByRole('link', { name: 'Webhooks' })).toBeVisible();
  for (const name of ['API keys', 'Audit log', 'Fleet'])
    await expect(menu.getByRole('link', { name, exact: true })).toHaveCount(0);
  await theirs.goto('/keys');
  await expect(theirs.getByText(/Your role here is member, which may not see keys/)).toBeVisible();
  await theirs.goto('/webhooks');
  await theirs.getByRole('button', { name: 'New endpoint' }).first().hover();
  await expect(theirs.getByText(/may not edit webhooks/).filter({ visible: true })).toBeVisible();
  await theirs.getByRole('button', { name: 'New endpoint' }).first().click({ force: true });
  await expect(theirs.getByRole('dialog')).toHaveCount(0);

  await page.reload();
  await page.getByLabel('Role of ben@example.com').selectOption('developer');
  await expect(page.getByRole('status').getByText('is developer now')).toBeVisible();
  await theirs.goto('/keys');
  await expect(theirs.getByRole('button', { name: 'New key' })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Remove ben@example.com' }).click();
  await page.getByRole('button', { name: 'Remove the member' }).click();
  await expect(page.getByRole('row', { name: /ben@example.com/ })).toHaveCount(0);
  await theirs.reload();
  await expect(theirs.getByRole('navigation', { name: 'Pages' })).toHaveCount(0);
  await theirs.context().close();
});

test('rules that are loosened are asked for once more, hold, and are in the log', async ({ inside: page, client }) => {
  await page.goto('/workspace');
  await page.getByLabel('In 24 hours, at most').fill('many');
  await expect(page.getByRole('button', { name: 'Save the rules' })).toBeDisabled();
  await page.getByLabel('In 24 hours, at most').fill('2');
  await page.getByLabel('Leave the hours to each campaign').uncheck();
  await page.getByRole('button', { name: 'Save the rules' }).click();
  await expect(page.getByRole('status').getByText('Rules saved')).toBeVisible();
  const strict = await client.ask('/workspace/rules');
  expect([strict.caps.maxPer24h, strict.schedule.hours !== null]).toEqual([2, true]);
  await expectAccessible(page);

  await page.getByLabel('In 24 hours, at most').fill('9');
  await page.getByRole('button', { name: 'Save the rules' }).click();
  const question = page.getByRole('alertdialog', { name: 'Loosen the rules?' });
  await expect(question).toContainText('One number may be called more often in 24 hours.');
  expect((await client.ask('/workspace/rules')).caps.maxPer24h, 'not before it was asked').toBe(2);
  await expectAccessible(page);
  await question.getByRole('button', { name: 'Save the rules' }).click();
  await expect(question).toHaveCount(0);
  expect((await client.ask('/workspace/rules')).caps.maxPer24h).toBe(9);

  await page.getByRole('link', { name: 'Audit log' }).click();
  await page.getByRole('button', { name: /rules/i }).first().click();
  const entry = page.getByRole('dialog');
  await expect(entry.getByRole('region', { name: 'What has changed' })).toContainText('9');
  await expectAccessible(page);
});

test('a lead is made, changed, found and deleted', async ({ inside: page, client }) => {
  await page.goto('/leads');
  await page.getByRole('button', { name: 'New lead' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'New lead' });
  await dialog.getByLabel('Number').fill('+14155550100');
  await dialog.getByLabel('E-mail').fill('nonsense');
  await dialog.getByRole('button', { name: 'Make the lead' }).click();
  await expect(dialog.getByLabel('E-mail')).toHaveAttribute('aria-invalid', 'true');
  await dialog.getByLabel('E-mail').fill('ann@example.com');
  await dialog.getByRole('button', { name: 'Add an attribute' }).click();
  await dialog.getByLabel('Name 1').fill('first_name');
  await dialog.getByLabel('Value 1').fill('Ann');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Make the lead' }).click();
  await expect(page.getByRole('heading', { name: '+14155550100' })).toBeVisible();
  await expect(page.getByText('Ann', { exact: true })).toBeVisible();
  await expectAccessible(page);
  await client.ask('/leads', { number: '+14155550101' });
  await page.goto('/leads?email=ann%40example.com');
  await expect(page.getByRole('row')).toHaveCount(2);
  await page.getByRole('link', { name: '+14155550100' }).click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete the lead' }).click();
  await expect(page.getByRole('heading', { name: 'Leads', exact: true })).toBeVisible();
  expect(await client.ask('/leads')).toHaveLength(1);
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
});
