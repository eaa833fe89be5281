import { readFile } from 'node:fs/promises';

import { expect, expectAccessible, picture, test } from './fixtures';

const LIST = '../examples/recipients.csv';

test('a messy list is uploaded, looked through, and called to its end', async ({ inside: page, client }) => {
  // A whole campaign: on a busy machine longer than the others.
  test.setTimeout(180_000);
  await client.equip({ ringMs: 300, talkMs: 400 });
  await page.goto('/campaigns');
  await page.getByRole('link', { name: 'New campaign' }).first().click();
  await expect(page.getByRole('heading', { name: 'Drop a list here' })).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel('Drop a list here').setInputFiles(LIST);

  // What is in it, and what is wrong with it.
  await expect(page.getByRole('heading', { name: '42 rows cannot be called' })).toBeVisible();
  await expect(page.getByRole('definition').filter({ hasText: /^209$/ })).toBeVisible();
  await expect(page.getByRole('cell', { name: 'the number stands further up in this file' }).first()).toBeVisible();
  await picture(page, 'upload');
  const errors = page.waitForEvent('download');
  await page.getByRole('button', { name: 'All of them as CSV' }).click();
  const file = await (await errors).path();
  expect((await readFile(file, 'utf8')).trim().split('\n').length).toBeGreaterThan(42);

  // Columns are used otherwise, and the list is looked through again.
  await page.getByLabel('Name of the variable Name').fill('name');
  await page.getByLabel('Use of Note').selectOption('Leave out');
  await page.getByRole('button', { name: 'Apply and look through again' }).click();
  await expect(page.getByRole('columnheader', { name: 'name', exact: true })).toBeVisible();
  await expect(page.getByRole('columnheader', { name: 'Note' })).toHaveCount(0);
  // Without its essay one more row fits.
  await expect(page.getByRole('heading', { name: '41 rows cannot be called' })).toBeVisible();
  await expectAccessible(page);

  // A reload loses nothing.
  await page.reload();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('Agent', { exact: true }).selectOption('Make a simple one…');
  await page.getByLabel('Name of the agent').fill('Balance');
  await page.getByRole('button', { name: 'Make the agent' }).click();
  await expect(page.getByLabel('Agent', { exact: true })).toContainText('Balance');
  await expectAccessible(page);
  await page.getByLabel('Name', { exact: true }).fill('Balances of March');
  await page.getByRole('button', { name: 'Continue' }).click();

  await expect(page.getByRole('heading', { name: 'Balances of March' })).toBeVisible();
  await expect(page.getByLabel('Calls at most')).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel('Calls at most').fill('1');
  await page.getByRole('button', { name: 'Continue' }).click();

  await expect(page.getByRole('grid', { name: 'Hours of the week' })).toBeVisible();
  await expect(page.getByRole('cell', { name: 'Europe/London' })).toBeVisible();
  await expectAccessible(page);
  await picture(page, 'hours');
  await page.reload();
  await expect(page.getByRole('grid', { name: 'Hours of the week' })).toBeVisible();
  await page.getByLabel('At any hour').check();
  await page.getByRole('button', { name: 'Continue' }).click();

  await page.getByLabel('Live calls at most').fill('many');
  await expect(page.getByRole('button', { name: 'Continue' })).toBeDisabled();
  await page.getByLabel('Live calls at most').fill('100');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Continue' }).click();

  await expect(page.getByText('Can be called now')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Start calling' }).click();

  // To its end, without a reload.
  await expect(page.getByRole('link', { name: 'Overview' })).toBeVisible();
  await expect(page.getByText('Finished', { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText('of 210, 100 %')).toBeVisible();
  await expectAccessible(page);

  // Everybody is there, and can be found.
  await page.getByRole('link', { name: 'Recipients' }).click();
  await expect(page.getByRole('row').nth(5)).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel('Number').fill('794 60180');
  await expect(page.getByRole('row')).toHaveCount(2);
  await page.getByRole('link', { name: '+442079460180' }).click();
  const panel = page.getByRole('dialog', { name: '+442079460180' });
  await expect(panel.getByText('Hana Varga')).toBeVisible();
  await expect(panel.getByText('Placed').first()).toBeVisible();
  await expectAccessible(page);
  await page.reload();
  await expect(panel.getByText('Hana Varga')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(panel).toHaveCount(0);

  const results = page.waitForEvent('download');
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Results as CSV' }).click();
  const saved = await readFile(await (await results).path(), 'utf8');
  expect(saved.match(/\brcp_/g)).toHaveLength(210);
  await page.goto('/campaigns');
  await expect(page.getByRole('row', { name: /Balances of March.*Finished.*210 of 210/ })).toBeVisible();
  await expectAccessible(page);
});

test('an upload that broke off goes on where it was', async ({ inside: page, client }) => {
  await client.equip({ ringMs: 300, talkMs: 400 });
  const size = (await readFile(LIST)).length;
  const upload = await client.ask('/uploads', { filename: 'recipients.csv', bytes: size });
  await page.goto(`/campaigns/new?upload=${upload.id}`);
  await expect(page.getByRole('heading', { name: 'recipients.csv is not here as a whole' })).toBeVisible();
  const again = page.getByLabel('recipients.csv is not here as a whole');
  await again.setInputFiles({ name: 'other.csv', mimeType: 'text/csv', buffer: Buffer.from('to\n+12025550100\n') });
  await expect(page.getByRole('alert')).toContainText('This is another file');
  await again.setInputFiles(LIST);
  await expect(page.getByRole('heading', { name: '42 rows cannot be called' })).toBeVisible();
});
