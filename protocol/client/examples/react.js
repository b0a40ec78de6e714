// A hook for React: const { room, messages, outbox, state } = useRoom(caravan, trip).

import { useCallback, useMemo, useSyncExternalStore } from 'react';

const told = ['messages', 'outbox', 'state']; // events, and what has changed then

export function useRoom(caravan, trip) {
  const room = useMemo(() => caravan.room(trip), [caravan, trip]); // one that is lost stays so, as does one of a chat that is closed
  const subscribe = useCallback(
    (draw) => {
      const ends = told.map((name) => room.on(name, draw));
      return () => ends.forEach((end) => end());
    },
    [room],
  );
  const [messages, outbox, state] = told.map((name) => useSyncExternalStore(subscribe, () => room[name], () => room[name]));
  return { room, messages, outbox, state };
}
