import { expect, expectAccessible, test } from './fixtures';

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
  await expect(page.getByRole('heading', { name: 'Create an account' })).toBeVisible();
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
