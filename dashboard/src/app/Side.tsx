import { Link, useNavigate } from '@tanstack/react-router';
import { ChevronsUpDown } from 'lucide-react';

import { useCan, useMe } from '../api/me';
import { Menu } from '../ui/Menu';
import { useLeaving } from './leaving';
import { NAV } from './nav';
import styles from './Side.module.css';
import { type Theme, useTheme } from './theme';

/** The menu at the side: where one is, where one may go, and who one is. */
export function Side({ isOpen }: { isOpen: boolean }) {
  const can = useCan();
  const groups = NAV.map(({ name, items }) => ({
    name,
    items: items.filter(({ needs }) => needs === undefined || can(needs)),
  })).filter(({ items }) => items.length > 0);
  return (
    <div className={styles.side} data-open={isOpen || undefined}>
      <Link to="/campaigns" className={styles.brand}>
        <img src="/icon.svg" alt="" />
        Ringfleet
      </Link>
      <WorkspaceMenu />
      <nav aria-label="Pages">
        {groups.map(({ name, items }) => (
          <div key={name} className={styles.group}>
            <div className={styles.groupName} id={`nav-${name}`}>
              {name}
            </div>
            <ul aria-labelledby={`nav-${name}`}>
              {items.map(({ to, label, icon: Icon }) => (
                <li key={label}>
                  <Link to={to} className={styles.item}>
                    <Icon aria-hidden />
                    {label}
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <div className={styles.foot}>
        <PersonMenu />
      </div>
    </div>
  );
}

function WorkspaceMenu() {
  const { workspace, homes } = useMe();
  const { switchTo } = useLeaving();
  return (
    <Menu
      className={styles.who}
      label={`Workspace: ${workspace.name}`}
      trigger={
        <>
          <span className={styles.whoText}>
            <span className={styles.small}>Workspace</span>
            <span>{workspace.name}</span>
          </span>
          <ChevronsUpDown aria-hidden />
        </>
      }
      choices={homes.map(({ id, name }) => ({
        label: name,
        isCurrent: id === workspace.id,
        onChoose: () => switchTo(id),
      }))}
    />
  );
}

const THEMES: readonly [Theme, string][] = [
  ['system', 'Look: as the system'],
  ['light', 'Look: light'],
  ['dark', 'Look: dark'],
];

function PersonMenu() {
  const { kind, name: caller, role, superuser } = useMe();
  const { signOut } = useLeaving();
  const [theme, choose] = useTheme();
  const navigate = useNavigate();
  const name = kind === 'user' ? caller : `API key ${caller}…`;
  const as = superuser ? 'superuser' : role;
  return (
    <Menu
      className={styles.who}
      label={`${name}, ${as}`}
      trigger={
        <>
          <span className={styles.whoText}>
            <span>{name}</span>
            <span className={styles.small}>{as}</span>
          </span>
          <ChevronsUpDown aria-hidden />
        </>
      }
      choices={[
        ...THEMES.map(([value, label]) => ({ label, isCurrent: value === theme, onChoose: () => choose(value) })),
        ...(kind === 'user' ? [{ label: 'Your account', onChoose: () => navigate({ to: '/account' }) }] : []),
        { label: 'API reference', href: '/docs' },
        { label: 'Sign out', onChoose: signOut },
      ]}
    />
  );
}
