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

test('what was typed is not lost unasked, and saving asks nothing', async ({ inside: page }) => {
  await page.goto('/agents');
  await page.getByRole('link', { name: 'New agent' }).first().click();
  const campaigns = page.getByRole('link', { name: 'Campaigns', exact: true });
  const question = page.getByRole('alertdialog', { name: 'Leave without saving?' });
  const greeting = page.getByRole('textbox', { name: /^Greeting/ });
  // Nothing was typed, or nothing is left of it.
  await greeting.fill('Hello');
  await greeting.fill('');
  await page.getByRole('link', { name: 'Agents', exact: true }).first().click();
  await expect(page).toHaveURL(/\/agents$/);

  await page.getByRole('link', { name: 'New agent' }).first().click();
  await greeting.fill('Hello');
  await campaigns.click();
  await expect(question).toBeVisible();
  await expectAccessible(page);
  await question.getByRole('button', { name: 'Stay here' }).click();
  await expect(question).toBeHidden();
  await expect(greeting).toHaveValue('Hello');
  await page.goBack();
  await question.getByRole('button', { name: 'Stay here' }).click();
  await expect(page).toHaveURL(/\/agents\/new$/);
  // Out is no navigation, and asks all the same.
  await page.getByRole('button', { name: /^API key/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await question.getByRole('button', { name: 'Stay here' }).click();
  await expect(greeting).toHaveValue('Hello');

  await page.getByLabel('Name of the agent').fill('Reminder');
  await page.getByRole('button', { name: 'Make the agent' }).click();
  await expect(page.getByRole('heading', { name: 'Reminder' })).toBeVisible();
  await greeting.fill('Good day');
  await page.getByRole('button', { name: 'Save as a draft' }).click();
  await expect(page.getByText('v2 is a draft')).toBeVisible();
  await campaigns.click();
  await expect(page).toHaveURL(/\/campaigns$/);

  await page.goBack();
  await greeting.fill('Good evening');
  await page.getByRole('button', { name: /^API key/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await question.getByRole('button', { name: 'Leave' }).click();
  await expect(page).toHaveURL(/sign-in/);
});

test('mistakes stand at their fields, and what few need is kept', async ({ inside: page, client }) => {
  await page.goto('/agents/new');
  await page.getByLabel('Name of the agent').fill('Desk');
  await page.getByRole('button', { name: 'Add a key' }).click();
  await page.getByLabel('What 9 does').selectOption('transfer');
  await page.getByText('For the program that talks').click();
  const settings = page.getByLabel('Settings of the program');
  await settings.fill('{"model": ');
  await page.getByRole('button', { name: 'Make the agent' }).click();
  await expect(settings).toHaveAttribute('aria-invalid', 'true');
  expect(await client.ask('/agents'), 'nothing was sent').toEqual([]);
  await settings.fill('{"model": "small"}');
  await page.getByRole('button', { name: 'Make the agent' }).click();
  const to = page.getByLabel('Where 9 hands on to');
  await expect(to).toHaveAttribute('aria-invalid', 'true');
  await page.getByRole('button', { name: 'Add one' }).click();
  await page.getByLabel('Name 1').fill('desk');
  await page.getByLabel('To', { exact: true }).fill('desk@pbx.example.com');
  await to.selectOption('desk');
  // Renamed, the key still leads there.
  await page.getByLabel('Name 1').fill('front');
  await expect(to).toHaveValue('front');
  await page.getByText('Voice, and a recording instead').click();
  await page.getByLabel('Voice', { exact: false }).first().fill('alloy');
  await page.getByLabel('Provider of speech').selectOption('openai');
  await page.getByLabel('Recording of the greeting').fill('nothing-there.wav');
  await page.getByRole('button', { name: 'Make the agent' }).click();
  await expect(page.getByLabel('Recording of the greeting')).toHaveAttribute('aria-invalid', 'true');
  await page.getByLabel('Recording of the greeting').fill('');
  await page.getByRole('button', { name: 'Make the agent' }).click();
  await expect(page.getByLabel('To', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await page.getByLabel('To', { exact: true }).fill('sip:desk@pbx.example.com');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Make the agent' }).click();
  await expect(page.getByRole('heading', { name: 'Desk' })).toBeVisible();
  const [made] = await client.ask('/agents');
  expect(made).toMatchObject({
    keypad: { '9': { action: 'transfer', to: 'front' } },
    transfers: { front: { kind: 'sip', to: 'sip:desk@pbx.example.com' } },
    voice: { voiceId: 'alloy', provider: 'openai' },
    llm: { model: 'small' },
  });
});

test('an agent that a campaign has is not put away, and the campaign is named', async ({ inside: page, client }) => {
  const { agent } = await client.equip({ ringMs: 10, talkMs: 10 });
  const campaign = await client.campaign(agent, 1);
  await page.goto(`/agents/${agent}`);
  await page.getByRole('button', { name: 'Put away' }).click();
  const dialog = page.getByRole('alertdialog');
  await expect(dialog.getByRole('link', { name: 'March reminders' })).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Put the agent away' })).toHaveAttribute('aria-disabled', 'true');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Leave it as it is' }).click();
  await client.ask(`/campaigns/${campaign}/cancel`, {});
  await page.getByRole('button', { name: 'Put away' }).click();
  await expect(dialog.getByText('No campaign that is not over has it.')).toBeVisible();
  await dialog.getByRole('button', { name: 'Put the agent away' }).click();
  await expect(page.getByRole('heading', { name: 'No agents yet' })).toBeVisible();
});
