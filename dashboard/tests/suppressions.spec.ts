import { enter, expect, expectAccessible, test } from './fixtures';

test('numbers are put on the list, found, and taken off it', async ({ inside: page, client }) => {
  await page.goto('/suppressions');
  await expect(page.getByRole('heading', { name: 'Nobody is on the list' })).toBeVisible();
  await page.getByRole('button', { name: 'Add a number' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a number' });
  await dialog.getByLabel('Number').fill('4155550100');
  await dialog.getByRole('button', { name: 'Put it on the list' }).click();
  await expect(dialog.getByLabel('Number')).toHaveAttribute('aria-invalid', 'true');
  await expectAccessible(page);
  await dialog.getByLabel('Number').fill('+1 415 555-0100');
  await dialog.getByLabel('They have said stop').check();
  await dialog.getByRole('button', { name: 'Put it on the list' }).click();
  await expect(page.getByRole('row', { name: /\+14155550100/ })).toContainText('They said stop');

  await page.getByRole('button', { name: 'Import a file' }).click();
  const csv = 'phone,reason\n+14155550101,moved\nnonsense,x\n+14155550102,\n';
  await page
    .getByLabel('Drop a CSV file here')
    .setInputFiles({ name: 'dnc.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
  const report = page.getByRole('dialog', { name: 'Import a file' });
  await expect(report.getByRole('status')).toContainText('2 numbers are on the list');
  await expect(report.getByRole('row', { name: /nonsense/ })).toBeVisible();
  await expectAccessible(page);
  await report.getByRole('button', { name: 'Close', exact: true }).last().click();
  await expect(page.getByRole('row')).toHaveCount(4);
  await expectAccessible(page);

  await page.getByLabel('Number').fill('+14155550101');
  await expect(page.getByRole('row')).toHaveCount(2);
  await page.getByRole('button', { name: 'Remove +14155550101' }).click();
  await page.getByRole('button', { name: 'Take it off the list' }).click();
  await expect(page.getByRole('heading', { name: 'This number is not on the list' })).toBeVisible();
  expect(await client.ask('/suppressions')).toHaveLength(2);
});

test('a person is erased, and the receipt says what was', async ({ inside: page, client }) => {
  await client.ask('/leads', { number: '+14155550100', attributes: { name: 'Ann' } });
  await page.goto('/suppressions/erasures');
  await page.getByRole('button', { name: 'Erase a person' }).click();
  const dialog = page.getByRole('alertdialog', { name: 'Erase a person' });
  await dialog.getByLabel('Number', { exact: true }).fill('+14155550100');
  await dialog.getByLabel('The number once more').fill('+14155550109');
  await dialog.getByRole('button', { name: 'Erase the person' }).click();
  await expect(dialog.getByText('The two are not the same.')).toBeVisible();
  expect(await client.ask('/leads'), 'nobody is erased by a slip').toHaveLength(1);
  await expectAccessible(page);
  await dialog.getByLabel('The number once more').fill('+14155550100');
  await dialog.getByRole('button', { name: 'Erase the person' }).click();
  await expect(page.getByRole('row', { name: /Finished/ })).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: /^Receipt/ }).click();
  const receipt = page.getByRole('dialog', { name: 'Receipt' });
  await expect(receipt).toContainText('leads');
  await expect(receipt).not.toContainText('4155550100');
  await expectAccessible(page);
  expect(await client.ask('/leads')).toEqual([]);
});

test('a list with a column of its own name is taken, and who may not take numbers off reads why', async ({
  inside: page,
  server,
}) => {
  await page.goto('/suppressions');
  await page.getByRole('button', { name: 'Import a file' }).click();
  const csv = 'Rufnummer,channel,expires_at\n+4915112345678,sms,2099-01-01\n';
  await page
    .getByLabel('Drop a CSV file here')
    .setInputFiles({ name: 'sperrliste.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
  const report = page.getByRole('dialog', { name: 'Import a file' });
  const column = report.getByLabel('Column with the numbers');
  await expect(column).toHaveAttribute('aria-invalid', 'true');
  await expectAccessible(page);
  await column.fill('Rufnummer');
  await report.getByRole('button', { name: 'Read sperrliste.csv again' }).click();
  await expect(report.getByRole('status')).toContainText('1 number is on the list');
  await report.getByRole('button', { name: 'Close', exact: true }).last().click();
  await page.getByRole('button', { name: 'Remove +4915112345678' }).click();
  await expect(page.getByRole('alertdialog')).toContainText('by text message again');
  await page.getByRole('button', { name: 'Leave it as it is' }).click();

  await enter(page, await server.key('--role', 'member'));
  await page.reload();
  const remove = page.getByRole('button', { name: 'Remove +4915112345678' });
  await expect(remove).toHaveAccessibleDescription(/may not take numbers off this list/);
});
