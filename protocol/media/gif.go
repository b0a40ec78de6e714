package media

import (
	"encoding/binary"
	"slices"
)

// gifCleaner cuts comments, texts that no viewer shows, and applications' blocks but those that say
// how often the pictures repeat and the colour profile.
type gifCleaner struct {
	started bool
	blocks  bool // sub-blocks come
	cutting bool // they are cut
	loops   bool // but for the one that says how often the pictures repeat
}

const (
	gifHeaderBytes = 13
	gifApplication = 11 // bytes of an application's name
)

// What applications write that is kept.
var (
	gifLoops   = []string{"NETSCAPE2.0", "ANIMEXTS1.0"}
	gifProfile = "ICCRGBG1012"
)

func (c *gifCleaner) step(f *Filter) error {
	switch {
	case !c.started:
		return c.header(f)
	case c.blocks:
		return c.block(f)
	}
	b, err := f.need(1)
	if err != nil {
		return err
	}
	switch b[0] {
	case ';':
		f.emit(';')
		f.drainAfter(1)
		return nil
	case ',':
		return c.image(f)
	case '!':
		return c.extension(f)
	}
	return ErrBroken
}

func (c *gifCleaner) header(f *Filter) error {
	b, err := f.need(gifHeaderBytes)
	if err != nil {
		return err
	}
	c.started = true
	f.size(int(binary.LittleEndian.Uint16(b[6:])), int(binary.LittleEndian.Uint16(b[8:])))
	f.copy(gifHeaderBytes + colours(b[10]))
	return nil
}

// colours returns the bytes of the table of colours that these flags announce.
func colours(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

func (c *gifCleaner) image(f *Filter) error {
	const descriptorBytes = 10
	b, err := f.need(descriptorBytes)
	if err != nil {
		return err
	}
	c.blocks, c.cutting, c.loops = true, false, false
	f.copy(descriptorBytes + colours(b[9]) + 1) // and the size of a code
	return nil
}

func (c *gifCleaner) extension(f *Filter) error {
	b, err := f.need(3)
	if err != nil {
		return err
	}
	const control, application = 0xF9, 0xFF
	c.blocks, c.cutting, c.loops = true, b[1] != control, false
	if b[1] != application || b[2] != gifApplication { // some programs write a name of another length
		c.pass(f, 2)
		return nil
	}
	if b, err = f.need(3 + gifApplication); err != nil {
		return err
	}
	name := string(b[3:])
	c.loops = slices.Contains(gifLoops, name)
	c.cutting = !c.loops && name != gifProfile
	c.pass(f, 3+gifApplication)
	return nil
}

// block lets a sub-block through, or cuts it. An empty one is the last.
func (c *gifCleaner) block(f *Filter) error {
	b, err := f.need(1)
	if err != nil {
		return err
	}
	c.blocks = b[0] != 0
	const loopBytes = 3
	if c.loops && c.blocks && b[0] != loopBytes { // none has another size
		f.cut(1 + int64(b[0]))
		return nil
	}
	c.pass(f, 1+int64(b[0]))
	return nil
}

func (c *gifCleaner) pass(f *Filter, n int64) {
	if c.cutting {
		f.cut(n)
	} else {
		f.copy(n)
	}
}
