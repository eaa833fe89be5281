import { useQuery } from '@tanstack/react-query';
import { MicOff, Pause, Play } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';

import { Button } from '../../ui/Button';
import { DownloadButton } from '../../ui/DownloadButton';
import { EmptyState } from '../../ui/EmptyState';
import { duration } from '../../ui/format';
import { ErrorNote, Note } from '../../ui/Note';
import { Card } from '../../ui/Page';
import { Skeleton } from '../../ui/Skeleton';
import { type Call, recordingQuery } from '../queries';
import { isOpen } from '../words';
import { Conversation } from './Conversation';
import styles from './Listen.module.css';
import { Waveform } from './Waveform';
import { readWav, type Wav } from './wav';

/** The recording and what was said; a place in one leads to the same place in the other. */
export function Listen({ call }: { call: Call }) {
  const wasAnswered = Boolean(call.answeredAt);
  const recording = useQuery({ ...recordingQuery(call.id), enabled: wasAnswered && !isOpen(call.status) });
  const heard = useAudio(recording.data ?? null);
  return (
    <>
      <Card
        title="Recording"
        actions={
          recording.data && (
            <DownloadButton path={`/api/v1/sessions/${call.id}/recording`} filename={`${call.id}.wav`}>
              Download
            </DownloadButton>
          )
        }
      >
        {!wasAnswered ? (
          <EmptyState icon={MicOff} title="Nothing to hear">
            {isOpen(call.status) ? 'Nobody has picked up yet.' : 'Nobody picked up.'}
          </EmptyState>
        ) : isOpen(call.status) ? (
          <EmptyState icon={MicOff} title="Still talking">
            If the agent records, the recording is here after the call.
          </EmptyState>
        ) : recording.error ? (
          <ErrorNote error={recording.error} onRetry={() => recording.refetch()} />
        ) : recording.data === undefined ? (
          <Skeleton lines={3} />
        ) : recording.data === null ? (
          <EmptyState icon={MicOff} title="This call was not recorded">
            Its agent does not record, or the recording lies with the provider, or is past its days.
          </EmptyState>
        ) : (
          <Player {...heard} />
        )}
      </Card>
      <Conversation
        call={call}
        at={heard.wav ? heard.at : null}
        onSeek={heard.wav ? (seconds) => heard.seek(seconds, true) : undefined}
      />
    </>
  );
}

interface Heard {
  audio: React.RefObject<HTMLAudioElement | null>;
  url: string | null;
  /** Null while it is being read; undefined where it is of no kind we can draw. */
  wav: Wav | null | undefined;
  at: number;
  setAt: (seconds: number) => void;
  seek: (seconds: number, andPlay?: boolean) => void;
}

function useAudio(file: Blob | null): Heard {
  const audio = useRef<HTMLAudioElement>(null);
  const [url, setUrl] = useState<string | null>(null);
  const [wav, setWav] = useState<Wav | null | undefined>(null);
  const [at, setAt] = useState(0);
  useEffect(() => {
    if (file === null) return;
    let isGone = false;
    const made = URL.createObjectURL(file);
    setUrl(made);
    void file.arrayBuffer().then((bytes) => isGone || setWav(readWav(bytes) ?? undefined));
    return () => {
      isGone = true;
      URL.revokeObjectURL(made);
    };
  }, [file]);
  const seek = (seconds: number, andPlay = false) => {
    setAt(seconds);
    if (audio.current === null) return;
    audio.current.currentTime = seconds;
    if (andPlay) void audio.current.play();
  };
  return { audio, url, wav, at, setAt, seek };
}

const SPEEDS = [1, 1.5, 2];

function Player({ audio, url, wav, at, setAt, seek }: Heard) {
  const [isPlaying, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const [isBroken, setBroken] = useState(false);
  const toggle = () => (isPlaying ? audio.current?.pause() : void audio.current?.play());
  const faster = () => {
    const next = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length] ?? 1;
    setSpeed(next);
    if (audio.current) audio.current.playbackRate = next;
  };
  return (
    <div className={styles.player}>
      {/* biome-ignore lint/a11y/useMediaCaption: what is said stands below it */}
      <audio
        ref={audio}
        src={url ?? undefined}
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onTimeUpdate={(event) => setAt(event.currentTarget.currentTime)}
        onError={() => setBroken(url !== null)}
      />
      {isBroken && <Note tone="bad">The browser cannot play this file. Download it to hear it.</Note>}
      {wav && <Waveform wav={wav} at={Math.min(at, wav.seconds)} onSeek={seek} />}
      <div className={styles.controls}>
        <Button onClick={toggle}>
          {isPlaying ? <Pause aria-hidden /> : <Play aria-hidden />}
          {isPlaying ? 'Pause' : 'Play'}
        </Button>
        <Button variant="quiet" aria-label={`Speed: ${speed} times`} onClick={faster}>
          {speed}×
        </Button>
        <span className={styles.time}>
          {duration(at * 1000)}
          {wav && ` / ${duration(wav.seconds * 1000)}`}
        </span>
      </div>
    </div>
  );
}
