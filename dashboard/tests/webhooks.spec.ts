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
