import { expect, expectAccessible, picture, test } from './fixtures';
import { isSigned, Receiver } from './receiver';

test.use({
  settings: { RINGFLEET_WEBHOOKS__ALLOW: '["127.0.0.0/8"]', RINGFLEET_WEBHOOKS__RETRY_DELAYS: '["200ms"]' },
});

test('an endpoint is made, fails, is looked at, and gets again what it has missed', async ({ inside: page }) => {
  const receiver = await Receiver.start();
  receiver.status = 500;
  await page.goto('/webhooks');
  await expect(page.getByRole('heading', { name: 'No endpoints yet' })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'New endpoint' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'New endpoint' });
  await dialog.getByLabel('Address').fill('ftp://nowhere');
  await dialog.getByRole('button', { name: 'Make the endpoint' }).click();
  await expect(dialog.getByLabel('Address')).toHaveAttribute('aria-invalid', 'true');
  await expectAccessible(page);
  await dialog.getByLabel('Address').fill(receiver.url);
  await dialog.getByLabel('Name').fill('Billing');
  await dialog.getByRole('checkbox', { name: 'session.ended' }).check();
  await dialog.getByRole('button', { name: 'Make the endpoint' }).click();

  const shown = page.getByRole('alertdialog', { name: 'The signing secret' });
  const secret = (await shown.locator('pre').textContent())?.trim() ?? '';
  expect(secret).toMatch(/^whsec_/);
  await expectAccessible(page);
  await shown.getByRole('button', { name: 'I have kept it' }).click();

  await page.getByRole('link', { name: 'Billing' }).click();
  await page.getByRole('button', { name: 'Send a test' }).click();
  const trial = page.getByRole('dialog', { name: 'Send a test' });
  await trial.getByRole('button', { name: 'Send it' }).click();
  await expect(trial.getByRole('status')).toContainText('Given up');
  await expect(trial.getByRole('status')).toContainText('The endpoint said 500');
  await trial.getByRole('button', { name: 'Close', exact: true }).last().click();
  expect(receiver.heard).toHaveLength(2);
  const [first] = receiver.heard;
  expect(first && isSigned(first, secret)).toBe(true);

  await page.getByRole('link', { name: 'session.ended' }).click();
  const panel = page.getByRole('dialog', { name: 'session.ended' });
  await expect(panel).toContainText('Attempt 2');
  await expect(panel.getByRole('region', { name: 'What was said to attempt 1' })).toHaveText('the answer is 500');
  await expect(panel.getByRole('region', { name: 'The body of the request' })).toContainText('"isTest": true');
  await expectAccessible(page);
  await picture(page, 'webhook');

  receiver.status = 204;
  await panel.getByRole('button', { name: 'Send again' }).click();
  await expect(panel).toContainText('Delivered');
  await expect(panel).toContainText('Attempt 3');
  const last = receiver.heard.at(-1);
  expect(last?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  expect(last?.body).toBe(first?.body);
  expect(last && isSigned(last, secret)).toBe(true);
  await panel.getByRole('button', { name: 'Close' }).click();

  // A new secret signs beside the old one.
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Rotate the secret' }).click();
  await page.getByRole('button', { name: 'Make a new secret' }).click();
  const rotated = (await shown.locator('pre').textContent())?.trim() ?? '';
  expect(rotated).not.toBe(secret);
  await shown.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Replay many' }).click();
  const replay = page.getByRole('dialog', { name: 'Replay many' });
  await replay.getByRole('combobox', { name: 'Those that were' }).selectOption({ index: 1 });
  await replay.getByRole('button', { name: 'Send them again' }).click();
  await expect(replay.getByLabel('From')).toHaveAttribute('aria-invalid', 'true');
  await replay.getByLabel('From').fill('2026-01-01T00:00');
  await replay.getByRole('button', { name: 'Send them again' }).click();
  await expect(replay.getByRole('status')).toContainText('1 delivery is on');
  await expect(async () => expect(receiver.heard).toHaveLength(4)).toPass();
  const both = receiver.heard.at(-1);
  expect([secret, rotated].map((it) => both && isSigned(both, it))).toEqual([true, true]);
  await replay.getByRole('button', { name: 'Close', exact: true }).last().click();

  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete the endpoint' }).click();
  await expect(page.getByRole('heading', { name: 'No endpoints yet' })).toBeVisible();
  await receiver.stop();
});

test('a slip loses neither what was typed nor the secret, and the address is not believed', async ({
  inside: page,
  client,
}) => {
  const receiver = await Receiver.start();
  await page.goto('/webhooks');
  await page.getByRole('button', { name: 'New endpoint' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'New endpoint' });
  await dialog.getByLabel('Address').fill(receiver.url);
  await dialog.getByLabel('Name').fill('Everything');
  await dialog.getByLabel('Description').fill('For the warehouse');
  await page.mouse.click(5, 5);
  await expect(dialog.getByLabel('Name')).toHaveValue('Everything');
  await dialog.getByRole('button', { name: 'Make the endpoint' }).click();
  const shown = page.getByRole('alertdialog', { name: 'The signing secret' });
  await expect(shown).toBeVisible();
  await page.keyboard.press('Escape');
  await page.mouse.click(5, 5);
  await expect(shown.locator('pre')).toHaveText(/^whsec_/);
  // As where the page came by plain HTTP from another machine: there is no clipboard to write to.
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await shown.getByRole('button', { name: 'Copy the secret' }).click();
  await expect(shown.getByRole('button', { name: 'Copied' })).toBeVisible();
  await shown.getByRole('button', { name: 'I have kept it' }).click();
  await expect(page.getByRole('row', { name: /Everything/ })).toContainText('all events');

  const [{ id }] = await client.ask('/webhooks');
  const other = await client.ask('/webhooks', { url: receiver.url, name: 'N'.repeat(255) });
  const { id: delivery } = await client.ask(`/webhooks/${other.id}/test`, { event: 'session.ended' });
  await page.goto(`/webhooks/${id}/${delivery}`);
  const panel = page.getByRole('dialog');
  await expect(panel).toContainText('This was sent to another endpoint');
  await panel.getByRole('link', { name: 'Look at it there' }).click();
  await expect(panel.getByRole('region', { name: 'The headers of the request' })).toContainText('webhook-id: evt_');
  await expectAccessible(page);
  await panel.getByRole('button', { name: 'Close' }).click();

  // A year is typed digit by digit, and each of them is a year.
  const from = page.getByLabel('From');
  await from.fill('2026-01-02T03:04');
  await from.focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.type('2025', { delay: 50 });
  await expect(from).toHaveValue('2025-01-02T03:04');
  await expect(page).toHaveURL(/since=2025/);

  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Switch off' }).click();
  await page.getByRole('button', { name: 'Switch it off' }).click();
  await expect(page.getByRole('button', { name: 'Switch on' })).toBeVisible();
  await page.getByRole('button', { name: 'More' }).click();
  await expect(page.getByRole('menuitem', { name: /Replay many/ })).toContainText('Switch it on first');
  await receiver.stop();
});
