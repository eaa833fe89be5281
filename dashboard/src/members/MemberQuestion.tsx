import { useQueryClient } from '@tanstack/react-query';

import { meQuery, useMe } from '../api/me';
import { mayOf, ROLE } from '../keys/words';
import { Confirm } from '../ui/Dialog';
import { toast } from '../ui/toast';
import { type Member, type Role, removeMember, setRole } from './queries';

/** A member who is to get another role, or to be one no more. */
export interface AskedMember {
  member: Member;
  to: Role | 'nobody';
}

/** Asks before somebody may do more, less, or nothing; a refusal of the API, of the last admin say, stands in the question. */
export function MemberQuestion({ asked: { member, to }, onClose }: { asked: AskedMember; onClose: () => void }) {
  const { workspace, kind, name } = useMe();
  const cache = useQueryClient();
  const isOwn = kind === 'user' && name === member.email;
  const who = isOwn ? 'yourself' : member.name || member.email;
  const done = async (said: string) => {
    toast(said);
    await cache.invalidateQueries({ queryKey: ['members'] });
    if (isOwn) await cache.invalidateQueries({ queryKey: meQuery.queryKey });
  };
  if (to === 'nobody') {
    return (
      <Confirm
        title={`Remove ${who}?`}
        confirm={isOwn ? 'Remove myself' : 'Remove the member'}
        isDangerous
        onClose={onClose}
        onConfirm={async () => {
          await removeMember(workspace.id, member.id);
          await done(`${member.email} is no member any more`);
        }}
      >
        {isOwn ? 'You see' : 'They see'} nothing of this workspace from then on. API keys{' '}
        {isOwn ? 'you have made' : 'they have made'} stay: revoke them where they should not.
      </Confirm>
    );
  }
  return (
    <Confirm
      title={`Make ${who} ${ROLE[to].one.toLowerCase()}?`}
      confirm={`Make ${isOwn ? 'me' : 'them'} ${ROLE[to].one.toLowerCase()}`}
      isDangerous={isOwn}
      onClose={onClose}
      onConfirm={async () => {
        await setRole(workspace.id, member.id, to);
        await done(`${member.name || member.email} is ${ROLE[to].one.toLowerCase()} now`);
      }}
    >
      {mayOf(to)} It holds at once.
      {isOwn && ' You cannot give yourself your role back: another admin has to.'}
    </Confirm>
  );
}
