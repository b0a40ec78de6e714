package media

import (
	"encoding/binary"
	"slices"
)

// metaBox is the box meta of HEIC and AVIF: which items the file has, and where. What is
// metadata is blanked where it stands in the box itself, and found where it stands elsewhere.
type metaBox struct {
	width, height, orientation int
	found                      bool     // there is metadata
	extents                    []extent // of metadata, in the file
	until                      int64    // where the last item in the file ends

	items      map[uint32]string // the types of the items
	primary    uint32
	properties []property
	data       []byte // of the box idat
	unclean    bool   // there is metadata that cannot be blanked
}

// extent is a part of the file.
type extent struct {
	offset, length int64
	exif           bool
}

func (e extent) end() int64 { return e.offset + e.length }

// property says how an item is to be shown.
type property struct {
	name    string
	content []byte
}

const itemExifBytes = 4 // before the EXIF data of an item: how far away it begins

// pictures are the types of items that are seen. All others are metadata.
var pictures = []string{"hvc1", "hev1", "lhv1", "av01", "avc1", "vvc1", "grid", "iden", "iovl", "tmap"}

// metaKept are the boxes in meta that tell the picture; the properties of propertiesCut do not.
var (
	metaKept      = []string{"hdlr", "pitm", "iinf", "iref", "iprp", "iloc", "idat", "dinf", "grpl"}
	propertiesCut = []string{"udes", "crtt", "mdft", "altt", "uuid", "free", "skip"}
)

// read understands the box, whose content this is, and blanks what it finds in it.
func (m *metaBox) read(b []byte) error {
	m.items = map[uint32]string{}
	whole := cursor{b: b}
	whole.version()
	var locations, associations [][]byte
	for name, inner := range whole.boxes {
		content := inner[boxHeadBytes:]
		switch name {
		case "pitm":
			c := cursor{b: content}
			v, _ := c.version()
			m.primary = c.id(v > 0)
		case "iinf":
			m.readItems(cursor{b: content})
		case "iloc":
			locations = append(locations, content)
		case "idat":
			m.data = content
		case "iprp":
			associations = append(associations, m.readProperties(cursor{b: content})...)
		default:
			if !slices.Contains(metaKept, name) {
				m.hide(inner, name)
			}
		}
	}
	bad := whole.bad
	for _, l := range locations { // they refer to items and to idat
		c := cursor{b: l}
		m.readLocations(&c)
		bad = bad || c.bad
	}
	for _, a := range associations {
		m.associate(cursor{b: a})
	}
	switch {
	case bad || m.width == 0:
		return ErrBroken
	case m.unclean || !slices.Contains(pictures, m.items[m.primary]):
		return ErrUnclean
	}
	return nil
}

// hide makes a free box of a box, full of zeros.
func (m *metaBox) hide(inner []byte, name string) {
	if !slices.Contains(filler, name) {
		m.found = true
	}
	copy(inner[4:], "free")
	clear(inner[boxHeadBytes:])
}

// readItems takes the types of the items.
func (m *metaBox) readItems(c cursor) {
	v, _ := c.version()
	c.id(v > 0) // their number
	for name, inner := range c.boxes {
		if name != "infe" {
			continue
		}
		item := cursor{b: inner[boxHeadBytes:]}
		v, _ := item.version()
		id := item.id(v > 2)
		item.bytes(2)
		if m.items[id] = ""; v >= 2 { // before, items had no types
			m.items[id] = string(item.bytes(4))
		}
	}
}

// readProperties takes what stands in ipco, and returns the boxes that say whose it is.
func (m *metaBox) readProperties(c cursor) (associations [][]byte) {
	for name, inner := range c.boxes {
		switch name {
		case "ipma":
			associations = append(associations, inner[boxHeadBytes:])
		case "ipco":
			properties := cursor{b: inner[boxHeadBytes:]}
			for name, inner := range properties.boxes {
				if slices.Contains(propertiesCut, name) {
					m.hide(inner, name)
				}
				m.properties = append(m.properties, property{name, inner[boxHeadBytes:]})
			}
		}
	}
	return associations
}

// associate takes the size of the first picture, and how it must be turned.
func (m *metaBox) associate(c cursor) {
	v, flags := c.version()
	wide := flags&1 == 1
	for n := c.uint(4); n > 0 && !c.bad; n-- {
		id := c.id(v > 0)
		for k := c.uint(1); k > 0 && !c.bad; k-- {
			index := c.uint(1) & 0x7F
			if wide {
				index = index<<8 | c.uint(1)
			}
			if id == m.primary && index > 0 && index <= uint64(len(m.properties)) {
				m.show(m.properties[index-1])
			}
		}
	}
}

func (m *metaBox) show(p property) {
	c := cursor{b: p.content}
	switch p.name {
	case "ispe":
		c.version()
		if width, height := c.uint(4), c.uint(4); !c.bad && m.width == 0 && width > 0 && width < 1<<31 && height > 0 && height < 1<<31 {
			m.width, m.height = int(width), int(height)
		}
	case "irot":
		m.orientation = [...]int{1, 8, 3, 6}[c.uint(1)&3] // so many quarters to the left
	}
}

// Where the bytes of an item are.
const (
	inFile = iota
	inMeta // in the box idat
)

// readLocations finds where the items are that are metadata.
func (m *metaBox) readLocations(c *cursor) {
	v, _ := c.version()
	sizes := c.uint(2)
	offsetBytes, lengthBytes, baseBytes, indexBytes := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15), int(sizes&15)
	if v == 0 {
		indexBytes = 0
	}
	for n := uint64(c.id(v > 1)); n > 0 && !c.bad; n-- {
		id := c.id(v > 1)
		method := uint64(inFile)
		if v > 0 {
			method = c.uint(2) & 15
		}
		c.bytes(2) // which file: this one
		base := c.uint(baseBytes)
		for k := c.uint(2); k > 0 && !c.bad; k-- {
			c.bytes(indexBytes)
			e := extent{int64(base + c.uint(offsetBytes)), int64(c.uint(lengthBytes)), m.items[id] == "Exif"}
			if c.bad = c.bad || e.offset < 0 || e.length < 0 || e.end() < 0; c.bad {
				return
			}
			if method == inFile {
				m.until = max(m.until, e.end())
			}
			if !slices.Contains(pictures, m.items[id]) {
				m.locate(method, e)
			}
		}
	}
}

// locate notes where metadata is, or blanks it.
func (m *metaBox) locate(method uint64, e extent) {
	m.found = true
	switch {
	case e.length == 0 || method > inMeta:
		m.unclean = true
	case method == inFile:
		m.extents = append(m.extents, e)
	default:
		data := m.data[min(e.offset, int64(len(m.data))):]
		clear(data[:min(e.length, int64(len(data)))])
	}
}

// blankItemExif gives out EXIF data of the orientation alone in place of that of an item,
// which is the next n bytes.
func (f *Filter) blankItemExif(n int64) error {
	b, err := f.need(itemExifBytes)
	if err != nil {
		return err
	}
	skip := itemExifBytes + int64(binary.BigEndian.Uint32(b))
	orientation := 0
	if skip < min(n, bufferBytes) {
		if orientation, err = f.peekOrientation(int(skip), n-skip); err != nil {
			return err
		}
	}
	f.emit(make([]byte, itemExifBytes)...)
	f.skip(itemExifBytes)
	f.blankExif(n-itemExifBytes, orientation)
	return nil
}
