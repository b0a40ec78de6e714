import './caravan-client.js';
