// Emoji with their names, of Unicode 13 and before, so that older systems show them. One a line would be a long file: a
// group is a text, in which each emoji is followed by the words that find it.

export const groups = [
  ['Faces', `😀 grinning face|😃 happy face|😄 happy eyes|😁 beaming smile|😆 laughing squint|😅 sweat smile relief|🤣 rolling laughing|😂 tears of joy laughing|🙂 slight smile|🙃 upside down|😉 wink|😊 blush smile|😇 angel halo
|🥰 in love hearts|😍 heart eyes|🤩 star struck|😘 kiss heart|😗 kissing|😚 kiss closed eyes|😋 yummy tongue|😛 tongue|😜 wink tongue|🤪 zany crazy|😝 squint tongue|🤑 money face|🤗 hug|🤭 giggle hand over mouth|🤫 quiet shush|🤔 thinking
|🤐 zipper mouth|🤨 raised eyebrow|😐 neutral|😑 expressionless|😶 no mouth|😏 smirk|😒 unamused|🙄 eye roll|😬 grimace|🤥 lying|😌 relieved|😔 pensive|😪 sleepy|🤤 drooling|😴 asleep sleeping|😷 mask ill|🤒 fever thermometer|🤕 hurt bandage
|🤢 nausea|🤮 vomit|🤧 sneeze|🥵 hot|🥶 cold freezing|🥴 woozy|😵 dizzy|🤯 mind blown|🤠 cowboy|🥳 party|😎 cool sunglasses|🤓 nerd|🧐 monocle|😕 confused|😟 worried|🙁 frown|😮 surprised open mouth|😲 astonished|😳 flushed|🥺 pleading
|😦 frown open mouth|😨 fearful|😰 anxious sweat|😢 crying sad|😭 sobbing loud crying|😱 scream|😖 confounded|😣 persevere|😞 disappointed|😓 downcast sweat|😩 weary|😫 tired|🥱 yawn|😤 huff triumph|😡 angry red|😠 angry|🤬 swearing|😈 devil smile|💀 skull
|💩 poo|🤡 clown|👻 ghost|👽 alien|🤖 robot|😺 cat grinning|😹 cat joy|😻 cat heart eyes|🙈 see no evil monkey|🙉 hear no evil monkey|🙊 speak no evil monkey`],
  ['People', `👋 wave hello|🤚 back of hand|✋ raised hand stop|👌 ok hand|🤏 pinch little|✌️ victory peace|🤞 fingers crossed luck|🤟 love you hand|🤘 rock horns|🤙 call me|👈 point left|👉 point right|👆 point up|👇 point down|☝️ one finger up
|👍 thumbs up yes like|👎 thumbs down no dislike|✊ fist|👊 punch|👏 clap applause|🙌 raising hands hooray|👐 open hands|🤲 palms together|🤝 handshake deal|🙏 thank you please pray|✍️ writing|💅 nails|💪 strong muscle|👂 ear|👀 eyes looking|🧠 brain
|👶 baby|🧒 child|👧 girl|👦 boy|👩 woman|👨 man|🧑 person|👵 grandmother|👴 grandfather|🙅 no gesture|🙆 ok gesture|🙋 raising hand question|🤦 facepalm|🤷 shrug|👮 police|🕵️ detective|👷 builder|🧙 mage wizard|🧜 mermaid|🚶 walking|🏃 running|💃 dancing woman
|🕺 dancing man|🧗 climbing|🏄 surfing|🏊 swimming|🚴 cycling|👪 family|👫 couple`],
  ['Nature', `🐶 dog|🐱 cat|🐭 mouse|🐰 rabbit|🦊 fox|🐻 bear|🐼 panda|🐨 koala|🐯 tiger|🦁 lion|🐮 cow|🐷 pig|🐸 frog|🐵 monkey|🐔 chicken|🐧 penguin|🐦 bird|🦆 duck|🦅 eagle|🦉 owl|🐺 wolf|🐴 horse|🦄 unicorn|🐝 bee|🐛 bug caterpillar|🦋 butterfly|🐌 snail
|🐞 ladybird|🐜 ant|🐢 turtle|🐍 snake|🦎 lizard|🐙 octopus|🦀 crab|🐠 fish|🐬 dolphin|🐳 whale|🦈 shark|🐘 elephant|🦒 giraffe|🐪 camel caravan|🐫 camel two humps|🐐 goat|🐑 sheep|🌵 cactus desert|🎄 christmas tree|🌲 evergreen tree|🌳 tree|🌴 palm tree|🌱 seedling
|🌿 herb|🍀 clover luck|🍁 maple leaf|🍂 autumn leaves|🌸 blossom cherry|🌹 rose|🌻 sunflower|🌷 tulip|💐 bouquet flowers|🌍 earth africa europe|🌎 earth americas|🌏 earth asia|🌙 crescent moon|🌕 full moon|⭐ star|🌟 glowing star|✨ sparkles|⚡ lightning|🔥 fire|🌈 rainbow
|☀️ sun|⛅ sun cloud|☁️ cloud|🌧️ rain|⛈️ thunderstorm|❄️ snowflake|⛄ snowman|💨 wind|💧 drop water|🌊 wave sea`],
  ['Food', `🍎 apple|🍐 pear|🍊 orange tangerine|🍋 lemon|🍌 banana|🍉 watermelon|🍇 grapes|🍓 strawberry|🍒 cherries|🍑 peach|🥭 mango|🍍 pineapple|🥥 coconut|🥝 kiwi|🍅 tomato|🥑 avocado|🥦 broccoli|🌽 corn|🥕 carrot|🥔 potato|🍞 bread|🥐 croissant|🧀 cheese|🥚 egg|🍳 cooking fried egg
|🥞 pancakes|🥓 bacon|🍗 chicken leg|🍔 burger|🍟 fries|🍕 pizza|🌭 hot dog|🥪 sandwich|🌮 taco|🌯 burrito|🥙 falafel pita|🥗 salad|🍝 spaghetti pasta|🍜 noodles ramen|🍲 stew pot|🍣 sushi|🍱 bento|🍚 rice|🍦 ice cream|🍩 doughnut|🍪 cookie|🎂 birthday cake|🍰 cake|🍫 chocolate
|🍬 sweet candy|🍯 honey|☕ coffee|🍵 tea|🥤 soft drink|🍺 beer|🍻 cheers beers|🥂 toast glasses|🍷 wine|🍹 cocktail|🧉 mate|🍴 fork knife|🥢 chopsticks`],
  ['Travel', `🚗 car|🚕 taxi|🚙 jeep|🚌 bus|🚎 trolleybus|🏎️ racing car|🚓 police car|🚑 ambulance|🚒 fire engine|🚚 truck|🚲 bicycle|🛵 scooter|🏍️ motorbike|🚆 train|🚇 metro underground|🚄 fast train|🚋 tram|✈️ plane flight|🛫 departure take off|🛬 arrival landing|🚁 helicopter|🚀 rocket|⛵ sailing boat
|🚤 speedboat|🚢 ship|⛴️ ferry|⚓ anchor|⛽ fuel petrol|🚦 traffic light|🗺️ map|🧭 compass|🏔️ snowy mountain|⛰️ mountain|🌋 volcano|🏕️ camping|⛺ tent|🏖️ beach|🏜️ desert|🏝️ island|🏞️ national park|🏠 house home|🏨 hotel|🏥 hospital|🏰 castle|🕌 mosque|⛪ church|🕍 synagogue|🛕 temple|🗼 tower
|🌉 bridge night|🌅 sunrise|🌇 sunset|🎡 ferris wheel|🧳 luggage suitcase|🛂 passport control|🛏️ bed|🚿 shower|🚻 toilets|🎒 backpack|⛱️ parasol`],
  ['Things', `⚽ football|🏀 basketball|🎾 tennis|🏓 table tennis|⛷️ skiing|🎯 target darts|🎮 video game|🎲 dice|🧩 puzzle|🎨 art paint|🎭 theatre|🎬 film|🎤 microphone karaoke|🎧 headphones|🎵 music note|🎸 guitar|🎹 piano|🥁 drum|🎺 trumpet|📷 camera|📸 camera flash|📱 phone|💻 laptop|⌚ watch|⏰ alarm clock
|⏳ hourglass wait|💡 idea light bulb|🔦 torch|🔋 battery|🔌 plug|💰 money bag|💳 credit card|🎟️ ticket|🎁 present gift|🎈 balloon|🎉 party celebrate|🎊 confetti|🏆 trophy|🥇 gold medal|📅 calendar|📌 pin|📎 paperclip|✂️ scissors|📖 book|📝 memo note|📦 parcel|✉️ letter mail|🔒 locked|🔑 key|🔨 hammer
|🛠️ tools|🧰 toolbox|💊 pill|🩹 plaster|🧴 lotion sun cream|🧻 paper roll|🕶️ sunglasses|👓 glasses|👟 shoe trainer|🥾 hiking boot|🧢 cap|👒 hat|🧣 scarf|🧥 coat|👕 shirt|☂️ umbrella|💍 ring`],
  ['Signs', `❤️ heart red love|🧡 orange heart|💛 yellow heart|💚 green heart|💙 blue heart|💜 purple heart|🖤 black heart|🤍 white heart|💔 broken heart|💕 two hearts|💖 sparkling heart|💯 hundred points|💥 boom|💤 sleep zzz|💬 speech|✅ done check|✔️ tick|❌ cross no|❓ question|❗ exclamation|⚠️ warning|🚫 forbidden
|⛔ no entry|🆗 ok|🆒 cool|🆕 new|🆘 sos help|ℹ️ information|🔴 red circle|🟠 orange circle|🟡 yellow circle|🟢 green circle|🔵 blue circle|🟣 purple circle|⚫ black circle|⚪ white circle|⬆️ up arrow|➡️ right arrow|⬇️ down arrow|⬅️ left arrow|🔄 again repeat|➕ plus|➖ minus|♻️ recycle|🔔 bell|🔕 bell off|🔊 loud sound
|🔇 mute|🏁 chequered flag finish|🚩 flag|🏳️ white flag|🏴 black flag|🏳️‍🌈 rainbow flag`],
].map(([name, text]) => ({
  name,
  emoji: text.split('|').map((entry) => {
    const [character, ...words] = entry.trim().split(' ');
    return { character, name: words.join(' ') };
  }),
}));
