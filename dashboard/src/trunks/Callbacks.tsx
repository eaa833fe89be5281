import { Code } from '../ui/Code';
import { Copy } from '../ui/Copy';
import { Card } from '../ui/Page';
import type { Trunk } from './queries';
import styles from './Trunks.module.css';
import { callbacksOf } from './words';

/** Addresses that somebody has to enter at the provider; nothing where it needs none. */
export function Callbacks({ trunk: { kind, id } }: { trunk: Trunk }) {
  const callbacks = callbacksOf(kind, id);
  if (callbacks.length === 0) return null;
  return (
    <Card title="To be entered at the provider">
      <div className={styles.callbacks}>
        {callbacks.map(({ name, path, where }) => {
          const address = `${location.origin}${path}`;
          return (
            <div key={name}>
              <h3>{name}</h3>
              <Code text={address} label={`Address for ${name}`} aside={<Copy text={address} what="the address" />} />
              <p>{where}</p>
            </div>
          );
        })}
        <p>
          These begin as the address of this page does. If the provider reaches the server under another name (
          <code>api.base_url</code> of its settings), put that in its place.
        </p>
      </div>
    </Card>
  );
}
