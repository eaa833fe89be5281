import { useQueryClient } from '@tanstack/react-query';

import { useMe } from '../api/me';
import { signedInByKey, signedOut } from '../api/session';
import { Confirm } from '../ui/Dialog';
import { toast } from '../ui/toast';
import { type ApiKey, type KeyMade, revokeKey, rotateKey } from './queries';

/** What somebody wants to do with a key. */
export interface AskedKey {
  what: 'rotate' | 'revoke';
  key: ApiKey;
}

/** Asks before a key gets another secret, or ends; both hold at once. */
export function KeyQuestion({
  asked: { what, key },
  onRotated,
  onClose,
}: {
  asked: AskedKey;
  onRotated: (made: KeyMade) => void;
  onClose: () => void;
}) {
  const { kind, name: caller } = useMe();
  const isOwn = kind === 'key' && caller === key.prefix;
  const cache = useQueryClient();
  const rotate = async () => {
    const made = await rotateKey(key.id);
    // The old secret opens nothing any more: whoever was in by it goes on by the new one.
    if (isOwn) signedInByKey(made.secret);
    onRotated(made);
    await cache.invalidateQueries({ queryKey: isOwn ? ['me'] : ['keys'] });
    if (isOwn) await cache.invalidateQueries({ queryKey: ['keys'] });
  };
  const revoke = async () => {
    await revokeKey(key.id);
    if (isOwn) return signedOut();
    toast(`${key.name} is revoked`);
    await cache.invalidateQueries({ queryKey: ['keys'] });
  };
  return what === 'rotate' ? (
    <Confirm title={`Rotate ${key.name}?`} confirm="Rotate the key" onClose={onClose} onConfirm={rotate}>
      It gets a new secret, and there is no grace period: the old one is refused at once, so what uses it stops until it
      has the new one. Where nothing may stop, make a second key, change over to it, and revoke this one.
      {isOwn && ' You are signed in with this key; this tab goes on with the new secret.'}
    </Confirm>
  ) : (
    <Confirm title={`Revoke ${key.name}?`} confirm="Revoke the key" isDangerous onClose={onClose} onConfirm={revoke}>
      It is refused from now on, everywhere and for good. What it has started goes on.
      {isOwn && ' You are signed in with this key, so this signs you out.'}
    </Confirm>
  );
}
