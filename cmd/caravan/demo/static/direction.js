// In which direction the page is read.

const scripts = new Set(['Arab', 'Hebr', 'Thaa', 'Syrc', 'Nkoo', 'Adlm', 'Rohg', 'Samr', 'Mand']);

/** 'rtl' or 'ltr': as it was asked for, or as the language is written. */
export function directionOf(language, asked) {
  if (asked === 'rtl' || asked === 'ltr') return asked;
  try {
    return scripts.has(new Intl.Locale(language).maximize().script) ? 'rtl' : 'ltr';
  } catch {
    return 'ltr'; // not a language
  }
}
