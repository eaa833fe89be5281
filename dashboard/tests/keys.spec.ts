import type { Page } from '@playwright/test';

import { expect, expectAccessible, test } from './fixtures';
import type { Server } from './server';

const status = async (server: Server, key: string) =>
  (await fetch(`${server.url}/api/v1/me`, { headers: { Authorization: `Bearer ${key}` } })).status;

const secretOf = async (page: Page, name: string): Promise<string> => {
  const shown = page.getByRole('alertdialog', { name: `The key of ${name}` });
  return (await shown.getByRole('region', { name: 'The key' }).textContent())?.trim() ?? '';
};

const choose = async (page: Page, name: string, what: string) => {
  await page.getByRole('button', { name: `What can be done with ${name}` }).click();
  await page.getByRole('menuitem', { name: what }).click();
};

test('a key is made, opens, is rotated and revoked', async ({ inside: page, server }) => {
  await page.goto('/keys');
  await page.getByRole('button', { name: 'New key' }).click();
  const dialog = page.getByRole('dialog', { name: 'New key' });
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  await expect(dialog.getByLabel('Name')).toHaveAttribute('aria-invalid', 'true');
  await dialog.getByLabel('Name').fill('Billing');
  await dialog.getByLabel('Role', { exact: true }).selectOption('developer');
  await dialog.getByLabel('Only some of what the role may').check();
  await dialog.getByLabel('Calls', { exact: true }).check();
  await dialog.getByLabel('Good for').selectOption({ label: '30 days' });
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  const shown = page.getByRole('alertdialog', { name: 'The key of Billing' });
  const first = await secretOf(page, 'Billing');
  expect(await status(server, first)).toBe(200);
  await expect(shown.getByRole('region', { name: 'A command that uses it' })).toContainText(`Bearer ${first}`);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await shown.getByRole('button', { name: 'Copy the key' }).click();
  await expect(shown.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(first);
  await expectAccessible(page);
  await shown.getByRole('button', { name: 'I have kept it' }).click();
  const row = page.getByRole('row', { name: /Billing/ });
  await expect(row).toContainText('Developer');
  await expect(row).toContainText('Read, Calls');
  await expectAccessible(page);
  await expect(page.getByText(first)).toHaveCount(0);

  await choose(page, 'Billing', 'Rotate');
  await expect(page.getByRole('alertdialog')).toContainText('there is no grace period');
  await page.getByRole('button', { name: 'Rotate the key' }).click();
  await expect(shown).toBeVisible();
  const second = await secretOf(page, 'Billing');
  expect([await status(server, first), await status(server, second)]).toEqual([401, 200]);
  await shown.getByRole('button', { name: 'I have kept it' }).click();

  await choose(page, 'Billing', 'Revoke');
  await page.getByRole('button', { name: 'Revoke the key' }).click();
  await expect(row).toHaveCount(0);
  expect(await status(server, second)).toBe(401);
});

test('whoever rotates the key they are signed in with sees the new one, and stays', async ({
  inside: page,
  server,
  key,
}) => {
  await page.goto('/keys');
  const own = page.getByRole('row', { name: /you are using it/ });
  await expect(own).toBeVisible();
  await own.getByRole('button', { name: /What can be done/ }).click();
  await page.getByRole('menuitem', { name: 'Rotate' }).click();
  await page.getByRole('button', { name: 'Rotate the key' }).click();
  const shown = page.getByRole('alertdialog', { name: /The key of/ });
  const made = (await shown.getByRole('region', { name: 'The key' }).textContent())?.trim() ?? '';
  expect([await status(server, key), await status(server, made)]).toEqual([401, 200]);
  await shown.getByRole('button', { name: 'I have kept it' }).click();
  await expect(own).toBeVisible();
  await page.getByRole('link', { name: 'Members' }).click();
  await expect(page.getByRole('heading', { name: 'Members' })).toBeVisible();
  // Revoking it signs out.
  await page.getByRole('link', { name: 'API keys' }).click();
  await own.getByRole('button', { name: /What can be done/ }).click();
  await page.getByRole('menuitem', { name: 'Revoke' }).click();
  await page.getByRole('button', { name: 'Revoke the key' }).click();
  await expect(page).toHaveURL(/sign-in/);
});
