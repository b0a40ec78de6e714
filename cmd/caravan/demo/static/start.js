// Starts the page: where one of its modules does not come, it says so.

import { sayThatItFailed } from './failure.js';

import('./app.js').catch((error) => {
  sayThatItFailed('The chat cannot be loaded: a part of it did not come. ');
  throw error; // for the console
});
