import { enter, expect, expectAccessible, test } from './fixtures';

test('trunks are made, grouped, paused and resumed', async ({ inside: page, client }) => {
  await page.goto('/trunks');
  await page.getByRole('link', { name: 'New trunk' }).first().click();
  await expectAccessible(page);
  await page.getByRole('link', { name: /^SIP/ }).click();
  await page.getByLabel('Name', { exact: true }).fill('Main');
  await page.getByRole('button', { name: 'Make the trunk' }).click();
  await expect(page.getByRole('alert')).toContainText(/host/i);
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

test('a trunk is paused on the fleet page', async ({ inside: page, client }) => {
  await client.equip({ ringMs: 10, talkMs: 10 });
  await page.goto('/fleet');
  await page.getByRole('button', { name: /^Pause Trial/ }).click();
  await page.getByRole('button', { name: 'Pause the trunk' }).click();
  await expect(page.getByRole('row', { name: /Trial/ })).toContainText('Paused');
  await expectAccessible(page);
});

test('whoever runs the installation drains a worker', async ({ page }) => {
  // The first account does.
  await page.goto('/');
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.getByLabel('E-mail').fill('ana@example.com');
  await page.getByLabel('Workspace').fill('Acme');
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Create the account' }).click();
  await page.getByRole('link', { name: 'Fleet', exact: true }).click();
  const workers = page.getByRole('table', { name: 'Workers' });
  await workers.getByRole('button', { name: /Drain/ }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: /Drain/ }).click();
  await expect(workers).toContainText(/Drained|Draining/);
  await workers.getByRole('button', { name: /Resume|calls again/ }).click();
  await expect(workers).not.toContainText(/Drained|Draining/);
});

test('a member reads why no trunk can be made', async ({ page, server }) => {
  await enter(page, await server.key('--role', 'member'));
  await page.goto('/trunks');
  await page.getByRole('button', { name: 'New trunk' }).first().hover();
  await expect(page.getByText(/may not edit trunks/).filter({ visible: true })).toBeVisible();
});
