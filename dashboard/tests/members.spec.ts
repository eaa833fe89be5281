import type { Browser, Page } from '@playwright/test';

import { expect, expectAccessible, test } from './fixtures';

const PASSWORD = 'correct horse battery';

/** Invites by the page, and gives the link that has to be passed on. */
async function invite(page: Page, email: string, role: string): Promise<string> {
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  const dialog = page.getByRole('dialog', { name: 'Invite somebody' });
  await dialog.getByLabel('E-mail').fill(email);
  await dialog.getByLabel('Role', { exact: true }).selectOption(role);
  await dialog.getByRole('button', { name: 'Invite them' }).click();
  const sent = page.getByRole('alertdialog', { name: `${email} is invited` });
  const link = (await sent.getByRole('region', { name: 'The link' }).textContent())?.trim() ?? '';
  await expectAccessible(page);
  await sent.getByRole('button', { name: 'Done' }).click();
  return link;
}

/** Somebody in a browser of their own, who comes by a link. */
async function join(browser: Browser, url: string, link: string, email: string): Promise<Page> {
  const page = await (await browser.newContext({ baseURL: url })).newPage();
  await page.goto(link);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Create the account' }).click();
  await expect(page.getByRole('button', { name: 'Workspace: Acme' })).toBeVisible();
  return page;
}

test('somebody is invited, comes, becomes another, and has to go', async ({ inside: page, browser, server }) => {
  await page.goto('/members');
  const link = await invite(page, 'ben@example.com', 'member');
  await expect(page.getByRole('table', { name: 'Invitations' })).toContainText('ben@example.com');

  const theirs = await join(browser, server.url, link, 'ben@example.com');
  // A member sees no page that is not theirs, and learns why a button does nothing.
  const menu = theirs.getByRole('navigation', { name: 'Pages' });
  await expect(menu.getByRole('link', { name: 'Webhooks' })).toBeVisible();
  for (const name of ['API keys', 'Audit log', 'Fleet'])
    await expect(menu.getByRole('link', { name, exact: true })).toHaveCount(0);
  await theirs.goto('/keys');
  await expect(theirs.getByText(/Your role here is member, which may not see keys/)).toBeVisible();
  await theirs.goto('/members');
  await theirs.getByRole('button', { name: 'Invite somebody' }).hover();
  await expect(theirs.getByText(/may not manage members/).filter({ visible: true })).toBeVisible();
  await theirs.getByRole('button', { name: 'Invite somebody' }).click({ force: true });
  await expect(theirs.getByRole('dialog')).toHaveCount(0);
  await expect(theirs.getByLabel('Role of ben@example.com')).toHaveCount(0);
  await expectAccessible(theirs);

  await page.reload();
  await page.getByLabel('Role of ben@example.com').selectOption('developer');
  await expect(page.getByRole('alertdialog')).toContainText('A developer also publishes agents');
  await page.getByRole('button', { name: 'Make them a developer' }).click();
  await expect(page.getByRole('status').getByText('is a developer now')).toBeVisible();
  await theirs.goto('/keys');
  await expect(theirs.getByRole('button', { name: 'New key' })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Remove ben@example.com' }).click();
  await page.getByRole('button', { name: 'Remove the member' }).click();
  await expect(page.getByRole('row', { name: /ben@example.com/ })).toHaveCount(0);
  await theirs.reload();
  await expect(theirs.getByRole('navigation', { name: 'Pages' })).toHaveCount(0);
  await theirs.context().close();
});

test('an invitation is sent again, and withdrawn', async ({ inside: page, browser, server }) => {
  await page.goto('/members');
  const first = await invite(page, 'dora@example.com', 'member');
  const what = page.getByRole('button', { name: 'What can be done with the invitation of dora@example.com' });
  await what.click();
  await page.getByRole('menuitem', { name: 'Invite again' }).click();
  await page.getByRole('button', { name: 'Invite them' }).click();
  const sent = page.getByRole('alertdialog', { name: 'dora@example.com is invited' });
  const second = (await sent.getByRole('region', { name: 'The link' }).textContent())?.trim() ?? '';
  expect(second).not.toBe(first);
  await sent.getByRole('button', { name: 'Done' }).click();
  await what.click();
  await page.getByRole('menuitem', { name: 'Withdraw' }).click();
  await page.getByRole('button', { name: 'Withdraw it' }).click();
  await expect(page.getByText('dora@example.com')).toHaveCount(0);
  const theirs = await (await browser.newContext({ baseURL: server.url })).newPage();
  for (const link of [first, second]) {
    await theirs.goto('/');
    await theirs.goto(link);
    await theirs.getByLabel('E-mail').fill('dora@example.com');
    await theirs.getByLabel('Password').fill(PASSWORD);
    await theirs.getByRole('button', { name: 'Create the account' }).click();
    await expect(theirs.getByRole('alert')).toBeVisible();
  }
  await theirs.context().close();
});

test('the last admin can neither step down nor go, and reads why; with another one they can', async ({
  inside: page,
  browser,
  server,
}) => {
  await page.goto('/members');
  const link = await invite(page, 'ana@example.com', 'admin');
  const ana = await join(browser, server.url, link, 'ana@example.com');
  await ana.goto('/members');
  const question = ana.getByRole('alertdialog');
  await ana.getByLabel('Role of ana@example.com').selectOption('member');
  await question.getByRole('button', { name: 'Make me a member' }).click();
  await expect(question.getByRole('alert')).toContainText('This is the last admin of the workspace');
  await expectAccessible(ana);
  await question.getByRole('button', { name: 'Leave it as it is' }).click();
  await expect(ana.getByLabel('Role of ana@example.com')).toHaveValue('admin');
  await ana.getByRole('button', { name: 'Leave the workspace' }).click();
  await question.getByRole('button', { name: 'Leave the workspace' }).click();
  await expect(question.getByRole('alert')).toContainText('This is the last admin of the workspace');
  await question.getByRole('button', { name: 'Leave it as it is' }).click();

  const other = await invite(ana, 'eve@example.com', 'admin');
  const eve = await join(browser, server.url, other, 'eve@example.com');
  await ana.getByRole('button', { name: 'Leave the workspace' }).click();
  await question.getByRole('button', { name: 'Leave the workspace' }).click();
  await expect(ana).toHaveURL(/sign-in/);
  await eve.goto('/members');
  await expect(eve.getByRole('table', { name: 'Members' }).getByRole('row')).toHaveCount(2);
  await Promise.all([ana.context().close(), eve.context().close()]);
});

test('a password is changed, and every login ended', async ({ inside: page, browser, server }) => {
  await page.goto('/members');
  const link = await invite(page, 'ben@example.com', 'member');
  const ben = await join(browser, server.url, link, 'ben@example.com');
  const elsewhere = await (await browser.newContext({ baseURL: server.url })).newPage();
  const signIn = async (password: string) => {
    await elsewhere.goto('/sign-in');
    await elsewhere.getByLabel('E-mail').fill('ben@example.com');
    await elsewhere.getByLabel('Password').fill(password);
    await elsewhere.getByRole('button', { name: 'Sign in' }).click();
    await expect(elsewhere.getByRole('heading', { name: 'Campaigns', exact: true })).toBeVisible();
  };
  await signIn(PASSWORD);

  await ben.getByRole('button', { name: /ben@example.com, member/ }).click();
  await ben.getByRole('menuitem', { name: 'Your account' }).click();
  await expect(ben.getByText('with a password')).toBeVisible();
  await expectAccessible(ben);
  const now = ben.getByLabel('Password now');
  const next = ben.getByLabel('New password');
  await now.fill('wrong horse battery');
  await next.fill('another horse battery');
  await ben.getByRole('button', { name: 'Change the password' }).click();
  await expect(ben.getByRole('alert')).toBeVisible();
  await now.fill(PASSWORD);
  await next.fill('short');
  await ben.getByRole('button', { name: 'Change the password' }).click();
  await expect(next).toHaveAttribute('aria-invalid', 'true');
  await next.fill('another horse battery');
  await ben.getByRole('button', { name: 'Change the password' }).click();
  await expect(ben.getByRole('status').getByText('Password changed')).toBeVisible();
  await expect(now).toHaveValue('');
  await elsewhere.reload();
  await expect(elsewhere, 'other logins have ended').toHaveURL(/sign-in/);
  await signIn('another horse battery');

  await ben.getByRole('button', { name: 'Sign out everywhere' }).click();
  await ben.getByRole('alertdialog').getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(ben).toHaveURL(/sign-in/);
  await elsewhere.reload();
  await expect(elsewhere).toHaveURL(/sign-in/);
  await Promise.all([ben.context().close(), elsewhere.context().close()]);
});
