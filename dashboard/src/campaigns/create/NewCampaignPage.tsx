import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';

import { useWhyNot } from '../../api/me';
import { Button } from '../../ui/Button';
import { Dropzone } from '../../ui/Dropzone';
import { ErrorNote } from '../../ui/Note';
import { Page } from '../../ui/Page';
import { Skeleton } from '../../ui/Skeleton';
import { previewQuery, type Upload } from '../queries';
import { AgentStep } from './AgentStep';
import { MappingForm } from './MappingForm';
import { PreviewTable } from './PreviewTable';
import { StepsNav } from './StepsNav';
import styles from './Upload.module.css';
import { UploadStatus } from './UploadStatus';
import { type Following, useUpload } from './use-upload';

/** The first two steps: the list, and who talks. What was sent is kept by the server, and the page's address names it. */
export function NewCampaignPage() {
  const { upload: id, step = 'list' } = useSearch({ from: '/shell/campaigns/new' });
  const navigate = useNavigate({ from: '/campaigns/new' });
  const whyNot = useWhyNot();
  const follow = useUpload(id, (upload) => void navigate({ search: { upload }, replace: true }));
  const { upload } = follow;
  return (
    <Page
      title="New campaign"
      crumb={
        <Link to="/campaigns" activeOptions={{ exact: true }}>
          Campaigns
        </Link>
      }
    >
      <StepsNav now={step} upload={id} />
      {id === undefined ? (
        <>
          <ErrorNote error={follow.error} />
          <Dropzone title="Drop a list here" onFile={follow.begin} why={whyNot('run campaigns')}>
            A CSV with a column of phone numbers in international form. Everything else in it can be said by the agent.
            Nobody is called before you have seen what is in it.
          </Dropzone>
        </>
      ) : upload === undefined ? (
        follow.error ? (
          <ErrorNote error={follow.error} />
        ) : (
          <Skeleton />
        )
      ) : step === 'agent' ? (
        <AgentStep upload={upload} />
      ) : (
        <ListStep follow={follow} upload={upload} />
      )}
    </Page>
  );
}

/** Why nobody can go on with a list. */
function whyNotOn(upload: Upload): string | undefined {
  if (upload.status === 'FAILED') return 'This list cannot be used as it is.';
  if (upload.status !== 'READY') return 'The list has to be looked through first.';
  if (upload.rows === 0) return 'The list has a first row that names its columns, and nobody below it.';
  return upload.rows === upload.rejected ? 'Nobody on this list can be called.' : undefined;
}

function ListStep({ follow, upload }: { follow: Following; upload: Upload }) {
  const navigate = useNavigate({ from: '/campaigns/new' });
  const isReady = upload.status === 'READY';
  const preview = useQuery({ ...previewQuery(upload), enabled: isReady });
  return (
    <>
      <UploadStatus follow={follow} upload={upload} />
      {upload.columns.length > 0 && upload.status !== 'VALIDATING' && (
        <MappingForm key={`${upload.validatedAt}`} upload={upload} rows={preview.data ?? []} />
      )}
      <ErrorNote error={preview.error} />
      {isReady && upload.rows > 0 && preview.data && <PreviewTable rows={preview.data} />}
      <div className={styles.buttons}>
        <Button variant="quiet" onClick={() => navigate({ search: {} })}>
          Take another list
        </Button>
        <Button
          variant="primary"
          why={whyNotOn(upload)}
          onClick={() => navigate({ search: { upload: upload.id, step: 'agent' } })}
        >
          Continue
        </Button>
      </div>
    </>
  );
}
