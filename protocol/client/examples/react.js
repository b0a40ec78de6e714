// A hook for React: const { room, messages, outbox, state } = useRoom(caravan, trip).

import { useCallback, useSyncExternalStore } from 'react';

const told = ['messages', 'outbox', 'state']; // events, and what has changed then

export function useRoom(caravan, trip) {
  const room = caravan.room(trip);
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
