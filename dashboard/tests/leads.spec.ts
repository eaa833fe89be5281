import { enter, expect, expectAccessible, test } from './fixtures';

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
  await page.getByRole('button', { name: 'Change', exact: true }).click();
  await page.getByLabel('Time zone').fill('America/New_York');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('America/New_York')).toBeVisible();
  await client.ask('/leads', { number: '+14155550101' });
  await page.goto('/leads?email=ann%40example.com');
  await expect(page.getByRole('row')).toHaveCount(2);
  await expectAccessible(page);
  await page.getByRole('link', { name: '+14155550100' }).click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete the lead' }).click();
  await expect(page.getByRole('heading', { name: 'Leads', exact: true })).toBeVisible();
  expect(await client.ask('/leads')).toHaveLength(1);
});

test('a lead opts out, is not called, and is let in again', async ({ inside: page, client }) => {
  const { agent } = await client.equip({ ringMs: 100, talkMs: 100 });
  const { id } = await client.ask('/leads', { number: '+14155550100' });
  const call = () => client.ask('/sessions', { agentId: agent, toNumber: '+14155550100' });
  await call();
  await page.goto(`/leads/${id}`);
  await expect(page.getByRole('table', { name: 'Calls and messages' }).getByRole('row')).toHaveCount(2);
  await page.getByRole('button', { name: 'Add an opt-out' }).click();
  await page.getByRole('dialog').getByLabel('Not by').selectOption('voice');
  await page.getByRole('dialog').getByLabel('Reason').fill('asked on the phone');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Add the opt-out' }).click();
  await expect(page.getByRole('table', { name: 'Opt-outs' })).toContainText('asked on the phone');
  await expectAccessible(page);
  await expect(call()).rejects.toThrow(/suppression/);
  await page.getByRole('button', { name: 'Take back Call' }).click();
  await page.getByRole('button', { name: 'Take it back' }).click();
  await expect(page.getByText('They may be contacted on every channel')).toBeVisible();
  await call();
});

test('leads come from a file, and what was not taken is told by its line', async ({ inside: page, client }) => {
  await client.ask('/leads', { number: '+14155550199', email: 'kept@example.com' });
  // More than goes into one request.
  const many = Array.from({ length: 900 }, (_, i) => `+1415556${String(i).padStart(4, '0')};;Person ${i};`);
  const text = [
    'Phone;E-Mail;First name;Notes',
    '+1 (415) 555-0100;ann@example.com;"Ann ""the\nboss""";x',
    '+14155550199;;Known;x',
    '0151 234567;;No country;x',
    ...many,
  ].join('\r\n');
  await page.goto('/leads');
  await page.getByRole('button', { name: 'Upload a file' }).click();
  const file = { name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(text) };
  await page.locator('input[type=file]').setInputFiles(file);
  const dialog = page.getByRole('dialog', { name: 'Leads of people.csv' });
  await expect(dialog.getByText('903 people.')).toBeVisible();
  await expect(dialog.getByLabel('Phone is read as')).toHaveValue('number');
  await dialog.getByLabel('Phone is read as').selectOption('nothing');
  await expect(dialog.getByText('Say which column has the numbers.')).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Keep 903 leads' })).toBeDisabled();
  await dialog.getByLabel('Phone is read as').selectOption('number');
  await dialog.getByLabel('Notes is read as').selectOption('nothing');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Keep 903 leads' }).click();
  await expect(
    page.getByRole('status').getByText('901 leads are new, 1 were known. 1 row was not taken.'),
  ).toBeVisible();
  const rejects = page.getByRole('table', { name: 'Rows that were not taken' });
  // The quoted line end before it makes it the fifth line.
  await expect(rejects.getByRole('row').nth(1)).toContainText(/5.*0151234567.*country code/);
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Close' }).last().click();
  const [ann] = await client.ask('/leads?number=%2B14155550100');
  expect([ann.email, ann.attributes]).toEqual(['ann@example.com', { 'First name': 'Ann "the\nboss"' }]);
  const [known] = await client.ask('/leads?number=%2B14155550199');
  expect([known.email, known.attributes]).toEqual(['kept@example.com', { 'First name': 'Known' }]);
});

test('whoever may only read learns why', async ({ page, client }) => {
  const { id } = await client.ask('/leads', { number: '+14155550100' });
  const { secret } = await client.ask('/api-keys', { name: 'Reader', role: 'member', scopes: ['read'] });
  await enter(page, secret);
  await page.goto(`/leads/${id}`);
  await page.getByRole('button', { name: 'Delete' }).hover();
  await expect(page.getByText(/scopes do not let it run campaigns/).filter({ visible: true })).toBeVisible();
  await page.getByRole('button', { name: 'Delete' }).click({ force: true });
  await expect(page.getByRole('alertdialog')).toHaveCount(0);
});
