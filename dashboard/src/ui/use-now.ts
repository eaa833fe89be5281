import { useEffect, useState } from 'react';

/** What time it is, again and again: for durations that grow while one looks. */
export function useNow(every = 1_000): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
