import { expect, expectAccessible, test } from './fixtures';

test('a key opens the dashboard for as long as the tab is open', async ({ page, key, context }) => {
  await page.goto('/campaigns?name=spring');
  await expect(page).toHaveURL(/sign-in\?to=/);
  await expect(page.getByRole('link', { name: 'Create an account' })).toHaveCount(0);
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Use an API key' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in with an API key' })).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel('API key').fill('rfk_nonsense');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toContainText('This API key is unknown');
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  // To where one wanted to go.
  await expect(page).toHaveURL(/\/campaigns\?name=spring/);
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Campaigns', exact: true })).toBeVisible();
  const elsewhere = await context.newPage();
  await elsewhere.goto('/campaigns');
  await expect(elsewhere).toHaveURL(/sign-in/);
  await page.getByRole('button', { name: 'API key' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page).toHaveURL(/sign-in/);
  expect(await page.evaluate(() => sessionStorage.getItem('ringfleet.key'))).toBeNull();
});

test('the first account runs the installation, and its login outlives the tab', async ({ page, context }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Create an account' })).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel('E-mail').fill('ana@example.com');
  await page.getByLabel('Workspace').fill('Acme');
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Create the account' }).click();
  await expect(page.getByRole('heading', { name: 'Campaigns', exact: true })).toBeVisible();
  const again = await context.newPage();
  await again.goto('/');
  await expect(again.getByRole('button', { name: 'Workspace: Acme' })).toBeVisible();
  await again.getByRole('button', { name: /superuser/ }).click();
  await again.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(again.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  // Another one has to be invited.
  await expect(again.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await expect(again.getByRole('link', { name: 'Create an account' })).toHaveCount(0);
  await again.getByLabel('E-mail').fill('ana@example.com');
  await again.getByLabel('Password').fill('wrong horse battery');
  await again.getByRole('button', { name: 'Sign in' }).click();
  await expect(again.getByRole('alert')).toBeVisible();
  await again.getByLabel('Password').fill('correct horse battery');
  await again.getByRole('button', { name: 'Sign in' }).click();
  await expect(again.getByRole('heading', { name: 'Campaigns', exact: true })).toBeVisible();
  // Also where the tab has seen the empty installation.
  await page.getByRole('button', { name: /superuser/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Create an account' })).toHaveCount(0);
});

test('an invitation leads into its workspace', async ({ page, server, client }) => {
  await server.key('--role', 'admin');
  const { link } = await client.ask('/workspaces/me/invite', { email: 'ben@example.com', role: 'member' });
  await page.goto(link);
  await expect(page.getByRole('heading', { name: 'You are invited' })).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel('E-mail').fill('ben@example.com');
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Create the account' }).click();
  await expect(page.getByRole('button', { name: 'Workspace: Acme' })).toBeVisible();
  await expect(page.getByRole('button', { name: /ben@example.com, member/ })).toBeVisible();
});

test('links that are not whole say so', async ({ page }) => {
  await page.goto('/reset');
  await expect(page.getByText('Its end is missing')).toBeVisible();
  await expectAccessible(page);
  await page.goto('/reset#token=nonsense');
  await page.getByLabel('New password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Set the password' }).click();
  await expect(page.getByRole('alert')).toContainText('this link');
});
