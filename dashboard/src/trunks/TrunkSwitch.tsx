import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useWhyNot } from '../api/me';
import { asProblem } from '../api/problem';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Dialog';
import { toast } from '../ui/toast';
import { setTrunk, type Trunk } from './queries';

/** Pauses a trunk, or lets calls begin on it again. */
export function TrunkSwitch({ trunk }: { trunk: Trunk }) {
  const why = useWhyNot()('edit trunks');
  const cache = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const renew = () => cache.invalidateQueries({ queryKey: ['trunks'] });
  const resume = useMutation({
    mutationFn: () => setTrunk(trunk.id, 'resume'),
    onSuccess: () => {
      toast(`Calls begin on ${trunk.name} again`);
      return renew();
    },
  });
  if (trunk.health.status === 'STOPPED') {
    return (
      <>
        <Button why={why} isPending={resume.isPending} onClick={() => resume.mutate()}>
          Resume<span className="unseen"> {trunk.name}</span>
        </Button>
        {resume.error && <span role="alert">{asProblem(resume.error).message}</span>}
      </>
    );
  }
  return (
    <>
      <Button why={why} onClick={() => setAsking(true)}>
        Pause<span className="unseen"> {trunk.name}</span>
      </Button>
      {isAsking && (
        <Confirm
          title={`Pause ${trunk.name}?`}
          confirm="Pause the trunk"
          onConfirm={async () => {
            await setTrunk(trunk.id, 'pause');
            toast(`No call begins on ${trunk.name} any more`);
            await renew();
          }}
          onClose={() => setAsking(false)}
        >
          Calls that are live go on to their end. Others wait until you resume it, or go by another trunk of its group.
        </Confirm>
      )}
    </>
  );
}
