import type { components } from '../../api/schema';
import { count, moment, percent, time } from '../../ui/format';
import styles from './HourColumns.module.css';

/** So many hours have room beside each other. */
const SHOWN = 24;

/** Calls of each hour, and how many of them were answered. */
export function HourColumns({ hours }: { hours: readonly components['schemas']['CampaignHour'][] }) {
  const shown = hours.slice(-SHOWN);
  const most = Math.max(...shown.map(({ calls }) => calls), 1);
  return (
    <div>
      <div className={styles.columns} aria-hidden>
        {shown.map(({ hour, calls, answered }) => (
          <div
            key={hour}
            className={styles.column}
            title={`${moment(hour)}: ${count(answered)} of ${count(calls)} answered`}
          >
            <span className={styles.share}>{calls > 0 ? percent(answered / calls) : ''}</span>
            <span className={styles.bar} style={{ height: `${(calls / most) * 100}%` }}>
              <span className={styles.answered} style={{ height: `${calls > 0 ? (answered / calls) * 100 : 0}%` }} />
            </span>
            <span className={styles.hour}>{time(hour)}</span>
          </div>
        ))}
      </div>
      <table className="unseen">
        <caption>Calls answered by hour</caption>
        <tbody>
          {shown.map(({ hour, calls, answered }) => (
            <tr key={hour}>
              <th scope="row">{moment(hour)}</th>
              <td>
                {count(answered)} of {count(calls)} answered
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
