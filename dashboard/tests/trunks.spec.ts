import { enter, expect, expectAccessible, test } from './fixtures';

test('trunks are made, grouped, paused and resumed', async ({ inside: page, client }) => {
  await page.goto('/trunks');
  await page.getByRole('link', { name: 'New trunk' }).first().click();
  await expectAccessible(page);
  await page.getByRole('link', { name: /^SIP/ }).click();
  await page.getByLabel('Name', { exact: true }).fill('Main');
  await page.getByRole('button', { name: 'Make the trunk' }).click();
  await expect(page.getByRole('alert')).toContainText('Host: is missing');
  await expect(page.getByLabel('Host')).toHaveAccessibleDescription(/missing/);
  await page.getByLabel('Host').fill('192.0.2.7');
  await page.getByLabel('Password').fill('secret');
  await page.getByLabel('User').fill('acme');
  await page.getByLabel('Calls per second').fill('fast');
  await page.getByRole('button', { name: 'Make the trunk' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.getByLabel('Calls per second').fill('5');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Make the trunk' }).click();
  await expect(page.getByRole('heading', { name: 'Main' })).toBeVisible();
  await expect(page.getByText('set, and never shown')).toBeVisible();
  await expect(page.locator('main')).not.toContainText('secret');
  await expectAccessible(page);

  await page.goto('/trunks/new?kind=simulated');
  await page.getByLabel('Name', { exact: true }).fill('Trial');
  await page.getByRole('button', { name: 'Make the trunk' }).click();
  await expect(page.getByRole('heading', { name: 'Trial' })).toBeVisible();
  await page.getByRole('button', { name: 'Pause Trial' }).click();
  await page.getByRole('button', { name: 'Pause the trunk' }).click();
  await expect(page.locator('header').getByText('Paused')).toBeVisible();
  const health = async () =>
    (await client.ask('/trunks')).map((trunk: { health: { status: string } }) => trunk.health.status);
  expect((await health()).sort()).toEqual(['OPEN', 'STOPPED']);
  await page.getByRole('button', { name: 'Resume Trial' }).click();
  await expect(page.locator('header').getByText('Working')).toBeVisible();
  expect(await health()).toEqual(['OPEN', 'OPEN']);

  await page.goto('/trunks');
  await page.getByRole('button', { name: 'New group' }).click();
  const dialog = page.getByRole('dialog', { name: 'New group' });
  await dialog.getByLabel('Name').fill('Both');
  await dialog.getByLabel('Main').check();
  await dialog.getByLabel('Trial').check();
  await dialog.getByRole('button', { name: 'Trial earlier' }).click();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Make the group' }).click();
  await expect(page.getByRole('row', { name: /Both/ })).toContainText('Trial, Main');
  await expectAccessible(page);
});

test('a trunk is changed, and its password stays unless another is typed', async ({ inside: page, client, server }) => {
  const sip = {
    name: 'Main',
    kind: 'sip',
    host: '192.0.2.7',
    username: 'dialer-7',
    password: 'hush',
    limits: { callsPerSecond: 5 },
  };
  const { id } = await client.ask('/trunks', sip);
  await page.goto(`/trunks/${id}`);
  await page.getByRole('link', { name: 'Change', exact: true }).click();
  await expect(page.getByLabel('Password')).toHaveValue('');
  await page.getByLabel('Calls per second').fill('2');
  await page.getByLabel('Host').fill('192.0.2.8');
  await page.getByRole('button', { name: 'Save the changes' }).click();
  await expect(page.getByLabel('Password')).toHaveAttribute('aria-invalid', 'true');
  await expectAccessible(page);
  await page.getByLabel('Host').fill('192.0.2.7');
  await page.getByRole('button', { name: 'Save the changes' }).click();
  await expect(page.getByRole('heading', { name: 'Main' })).toBeVisible();
  await expect(page.getByText('2/s', { exact: true })).toBeVisible();
  const shown = await client.ask(`/trunks/${id}`);
  expect([shown.limits.callsPerSecond, shown.host, shown.hasPassword]).toEqual([2, '192.0.2.7', true]);

  await page.getByRole('link', { name: 'Change', exact: true }).click();
  await page.getByLabel('User').fill('');
  await page.getByRole('link', { name: 'Leave it as it is' }).click();
  const question = page.getByRole('alertdialog', { name: 'Leave without saving?' });
  await question.getByRole('button', { name: 'Leave' }).click();
  await expect(page.getByText('dialer-7')).toBeVisible();
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`/trunks/${id}/edit`);
  await expectAccessible(page);

  await enter(page, await server.key('--role', 'member'));
  await page.goto(`/trunks/${id}`);
  await page.getByRole('button', { name: 'Change', exact: true }).hover();
  await expect(page.getByText(/may not edit trunks/).filter({ visible: true })).toBeVisible();
});

test('a member reads why no trunk can be made', async ({ page, server }) => {
  await enter(page, await server.key('--role', 'member'));
  await page.goto('/trunks');
  await page.getByRole('button', { name: 'New trunk' }).first().hover();
  await expect(page.getByText(/may not edit trunks/).filter({ visible: true })).toBeVisible();
});

test('a pool and what JSON must be are looked at; a group has a page; a member may look', async ({
  inside: page,
  client,
  server,
}) => {
  await page.goto('/trunks/new?kind=sip');
  await page.getByLabel('Name', { exact: true }).fill('PBX');
  await page.getByLabel('Host').fill('192.0.2.7');
  await page.getByText('What few need').click();
  await page.getByLabel('What SIP statuses mean here').fill('{480');
  await page.getByText('Several numbers in turn').click();
  await page.getByLabel('Numbers').fill('+1 202 555 0101\nnot a number');
  await page.getByLabel('Which one comes next').selectOption('match');
  await page.getByRole('button', { name: 'Make the trunk' }).click();
  await expect(page.getByLabel('What SIP statuses mean here')).toHaveAttribute('aria-invalid', 'true');
  expect(await client.ask('/trunks'), 'nothing was sent').toEqual([]);
  await page.getByLabel('What SIP statuses mean here').fill('{"480": {"noRoom": {"retryAfterSeconds": 5}}}');
  await page.getByRole('button', { name: 'Make the trunk' }).click();
  await expect(page.getByLabel('Numbers')).toHaveAttribute('aria-invalid', 'true');
  await page.getByLabel('Numbers').fill('+1 202 555 0101\n+12025550102');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Make the trunk' }).click();
  await expect(page.getByText('+12025550101, +12025550102')).toBeVisible();
  await expect(page.getByText('{"480":{"noRoom":{"retryAfterSeconds":5}}}')).toBeVisible();

  const [{ id: pbx }] = await client.ask('/trunks');
  const { trunk: trial } = await client.equip({ ringMs: 10, talkMs: 10 });
  const members = [
    { trunkId: pbx, priority: 4 },
    { trunkId: trial, priority: 1 },
  ];
  await client.ask('/trunk-groups', { name: 'Both', members });
  await enter(page, await server.key('--role', 'member'));
  await page.goto('/trunks');
  await page.getByRole('link', { name: 'Both' }).click();
  const rows = page.getByRole('table', { name: 'Trunks of the group' }).getByRole('row');
  await expect(rows.nth(1)).toContainText(/1\s*Trial/);
  await expect(rows.nth(2)).toContainText(/2\s*PBX/);
  await expectAccessible(page);
  await rows.nth(1).getByRole('link').click();
  await page.getByRole('button', { name: 'Pause Trial' }).hover();
  await expect(page.getByText(/may not edit trunks/).filter({ visible: true })).toBeVisible();
});

test('the addresses that a provider needs are there to be copied, and no secret is', async ({
  inside: page,
  client,
  server,
  context,
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('/trunks/new?kind=whatsapp');
  await page.getByLabel('Name', { exact: true }).fill('Spain');
  await page.getByLabel("The number's id at Meta").fill('106540352242922');
  for (const secret of ['Access token', 'App secret', 'Verify token']) {
    await expect(page.getByLabel(secret)).toHaveAttribute('type', 'password');
    await page.getByLabel(secret).fill('hidden-from-all');
  }
  await page.getByRole('button', { name: 'Make the trunk' }).click();
  await expect(page.getByRole('heading', { name: 'To be entered at the provider' })).toBeVisible();
  await expect(page.locator('body')).not.toContainText('hidden-from-all');
  await page.getByRole('button', { name: 'Copy the address' }).click();
  const [{ id }] = await client.ask('/trunks');
  const address = `${server.url}/callbacks/whatsapp/${id}`;
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(address);
  // It is an address that the server has: whoever does not know the token is refused, not lost.
  const asked = await fetch(`${address}?hub.mode=subscribe&hub.verify_token=guess&hub.challenge=1`);
  expect(asked.status).toBe(403);
  await expectAccessible(page);
});

test('whoever lacks an agent and a trunk for a list makes them, and is back at the list', async ({
  inside: page,
  client,
}) => {
  await page.goto('/campaigns/new');
  await page.getByLabel('Drop a list here').setInputFiles('../examples/recipients.csv');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('link', { name: 'Connect a carrier' }).click();
  await expect(page.getByText('you are back at the campaign you came from')).toBeVisible();
  await page.getByRole('link', { name: /^Simulated/ }).click();
  await page.getByLabel('Name', { exact: true }).fill('Trial');
  await page.getByRole('button', { name: 'Make the trunk' }).click();
  await expect(page.getByRole('heading', { name: 'New campaign' })).toBeVisible();
  await expect(page.getByText('There is no trunk to place calls with yet')).toHaveCount(0);

  await page.getByRole('link', { name: 'Make one with keys, a voice or a program' }).click();
  await page.getByRole('button', { name: 'Back without it' }).click();
  await page.getByRole('link', { name: 'Make one with keys, a voice or a program' }).click();
  await page.getByLabel('Name of the agent').fill('Balance');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Make the agent' }).click();
  await expect(page.getByLabel('Agent', { exact: true }).locator('option:checked')).toHaveText('Balance');
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByLabel('Calls at most')).toBeVisible();
  expect((await client.ask('/campaigns')).length, 'a draft was made of that list').toBe(1);
});
