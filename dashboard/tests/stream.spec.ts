import { Cable } from './cable';
import { enter, expect, expectAccessible, test } from './fixtures';

test('a page whose connection was lost says so, comes back by itself and shows what is true', async ({
  page,
  server,
  client,
  key,
}) => {
  const cable = await Cable.lay(server.url);
  const { agent } = await client.equip({ ringMs: 200, talkMs: 300 });
  const id = await client.campaign(agent, 40, { limits: { callsPerSecond: 4 } });
  await enter(page, key);
  await page.goto(`${cable.url}/campaigns/${id}`);
  const done = page.locator('dl').getByText('Done', { exact: true }).locator('xpath=following-sibling::dd[1]');
  await client.ask(`/campaigns/${id}/start`, {});
  const figure = async () => Number((await done.textContent())?.replace(/\D.*$/, ''));
  await expect(async () => expect(await figure()).toBeGreaterThan(2)).toPass();

  await cable.pull();
  const gone = page.getByRole('status').filter({ hasText: /Reconnecting/ });
  await expect(gone.first()).toBeVisible({ timeout: 30_000 });
  await expectAccessible(page);
  // The campaign ends meanwhile, which nobody tells the page.
  await expect(async () => expect((await client.ask(`/campaigns/${id}`)).status).toBe('FINISHED')).toPass({
    timeout: 45_000,
  });
  const before = await figure();
  expect(before).toBeLessThan(40);

  await cable.plug();
  await expect(done).toHaveText(/^40/, { timeout: 45_000 });
  await expect(page.locator('header')).toContainText('Finished');
  await expect(gone).toHaveCount(0);
  await cable.pull();
});
