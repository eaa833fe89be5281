import { enter, expect, expectAccessible, picture, test } from './fixtures';

test('an agent is made, changed, published and rolled back', async ({ inside: page, client }) => {
  await page.goto('/agents');
  await page.getByRole('link', { name: 'New agent' }).first().click();
  await page.getByLabel('Name of the agent').fill('Reminder');
  await page.getByRole('textbox', { name: /^Greeting/ }).fill('Hello {{first_name|there}}, this is about {{day}}.');
  await expect(page.getByText('Whoever lacks day is not called')).toBeVisible();
  await page.getByLabel('first_name').fill('Ann');
  await expect(page.getByText('“Hello Ann, this is about {{day}}.”')).toBeVisible();
  await page.getByRole('button', { name: 'Add a key' }).click();
  await page.getByLabel('After the greeting').selectOption('ws');
  await page.getByLabel('Its address').fill('nonsense');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Make the agent' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(page.getByLabel('Its address')).toHaveAttribute('aria-invalid', 'true');
  await page.getByLabel('After the greeting').selectOption('');
  await page.getByRole('button', { name: 'Make the agent' }).click();

  await expect(page.getByRole('heading', { name: 'Reminder' })).toBeVisible();
  await expect(page.getByText('Calls are made with v1')).toBeVisible();
  const [{ id, keypad }] = await client.ask('/agents');
  expect(keypad).toEqual({ '9': { action: 'suppress' } });
  await expectAccessible(page);
  await picture(page, 'agent');

  await page.getByRole('textbox', { name: /^Greeting/ }).fill('Good day {{first_name|}}.');
  await page.getByRole('button', { name: 'Save as a draft' }).click();
  await expect(page.getByText('v2 is a draft')).toBeVisible();
  await page.getByRole('button', { name: 'Compare v2' }).click();
  const compared = page.getByRole('dialog', { name: 'v1 and v2' });
  await expect(compared.getByRole('row', { name: /Greeting/ })).toContainText('Good day');
  await expectAccessible(page);
  await compared.getByRole('button', { name: 'Close' }).click();
  expect((await client.ask(`/agents/${id}`)).version, 'a draft makes no calls').toBe('v1');
  await page.getByRole('button', { name: 'Publish v2' }).first().click();
  await expect(page.getByText('Calls are made with v2', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Roll back' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Roll back' }).click();
  await expect(page.getByText('Calls are made with v1', { exact: true })).toBeVisible();
  expect((await client.ask(`/agents/${id}`)).version).toBe('v1');

  await page.getByRole('button', { name: 'Put away' }).click();
  await page.getByRole('button', { name: 'Put the agent away' }).click();
  await expect(page.getByRole('heading', { name: 'No agents yet' })).toBeVisible();
});

test('what a member makes is a draft, which somebody else publishes', async ({ page, server }) => {
  await enter(page, await server.key('--role', 'member'));
  await page.goto('/agents/new');
  await page.getByLabel('Name of the agent').fill('Idea');
  await page.getByRole('button', { name: 'Make the agent' }).click();
  await expect(page.getByText('no campaign can start with it')).toBeVisible();
  await page.getByRole('button', { name: 'Publish v1' }).first().hover();
  await expect(page.getByText(/may not publish agents/).filter({ visible: true })).toBeVisible();
});
