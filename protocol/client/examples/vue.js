// A composable for Vue: const { room, messages, outbox, state } = useRoom(caravan, trip).

import { onScopeDispose, shallowRef } from 'vue';

export function useRoom(caravan, trip) {
  const room = caravan.room(trip);
  const [messages, outbox, state] = ['messages', 'outbox', 'state'].map((name) => {
    const value = shallowRef(room[name]);
    onScopeDispose(room.on(name, () => (value.value = room[name])));
    return value;
  });
  return { room, messages, outbox, state };
}
