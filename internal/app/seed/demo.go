package seed

import (
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

// Demo returns the data of a small demo shop. It is always the same.
func Demo() Shop {
	return Shop{
		Brands: []Brand{
			demoBrand("Hanok Home", "Quiet things for the house, made of wood, paper and clay.",
				demoProduct{"Celadon tea cup", 24_000, 120, "Thrown by hand, glazed in the green of Gangjin."},
				demoProduct{"Mulberry paper lamp", 89_000, 35, "Hanji over a frame of ash; the light is warm and even."},
				demoProduct{"Brass spoon and chopsticks", 46_000, 80, "Forged bronze that keeps its shine for a lifetime."},
				demoProduct{"Persimmon wood tray", 58_000, 60, "Each one shows its own grain."},
				demoProduct{"Moon jar, small", 320_000, 10, "White porcelain, never quite round."}),
			demoBrand("Bukchon Coffee", "Roasted on Tuesdays and Fridays in Seoul.",
				demoProduct{"House blend 500 g", 21_000, 400, "Cocoa, roasted almond, a little plum."},
				demoProduct{"Ethiopia Guji 250 g", 18_500, 200, "Washed; jasmine, peach and black tea."},
				demoProduct{"Decaf Huila 250 g", 19_000, 150, "Sugar-cane process; caramel and orange."},
				demoProduct{"Pour-over set", 67_000, 45, "Dripper, server and forty filters."},
				demoProduct{"Hand grinder", 129_000, 25, "Steel burrs, 24 settings, fits a backpack."}),
			demoBrand("Jeju Botanics", "Skin care from an island of wind and camellias.",
				demoProduct{"Camellia oil 30 ml", 34_000, 300, "Cold-pressed from winter seeds."},
				demoProduct{"Green tea toner 200 ml", 22_000, 500, "For the morning."},
				demoProduct{"Volcanic clay mask", 27_000, 260, "Ten minutes, once a week."},
				demoProduct{"Tangerine hand cream", 12_000, 800, "Smells of November."},
				demoProduct{"Sea salt soap", 9_000, 600, "A plain bar, well made."}),
			demoBrand("Namsan Outdoor", "For the mountain behind the city and the ones beyond.",
				demoProduct{"Trail pack 22 l", 118_000, 90, "Light, quiet, dries in an hour."},
				demoProduct{"Merino shirt", 79_000, 140, "Warm when wet, no smell on the third day."},
				demoProduct{"Folding poles, pair", 96_000, 70, "340 grams, locks without a click too many."},
				demoProduct{"Rain shell", 189_000, 55, "Three layers, pit zips, a hood that turns with you."},
				demoProduct{"Steel bottle 750 ml", 32_000, 350, "Keeps tea hot from Seoul to Seoraksan."}),
			demoBrand("Paper & Ink", "Stationery for people who still write.",
				demoProduct{"Dotted notebook A5", 14_000, 700, "192 pages that take a fountain pen."},
				demoProduct{"Fountain pen, fine", 52_000, 110, "A steel nib with a little spring."},
				demoProduct{"Ink, Han River blue", 19_500, 240, "50 ml; shades from slate to sky."},
				demoProduct{"Desk calendar 2027", 16_000, 300, "One letterpress card a month."},
				demoProduct{"Washi tape, six rolls", 11_000, 450, "Patterns after palace eaves."}),
			demoBrand("Hangang Audio", "Sound for small rooms.",
				demoProduct{"Shelf speakers, pair", 410_000, 18, "Walnut, 5-inch paper cones, honest."},
				demoProduct{"Open headphones", 238_000, 40, "Light enough to forget."},
				demoProduct{"Desk amplifier", 176_000, 30, "One knob. It goes far enough."},
				demoProduct{"Record brush", 23_000, 160, "Carbon fibre and a walnut handle."},
				demoProduct{"USB turntable", 295_000, 22, "Belt drive; plays, and keeps what it plays."}),
			demoBrand("Sunday Kitchen", "Tools that stay on the counter.",
				demoProduct{"Carbon steel pan 26 cm", 74_000, 95, "Gets better every week."},
				demoProduct{"Kitchen knife, santoku", 132_000, 50, "Layered steel, 165 mm."},
				demoProduct{"Stone kimchi jar 3 l", 61_000, 75, "Breathes as it should."},
				demoProduct{"Linen apron", 38_000, 180, "Pockets where hands go."},
				demoProduct{"Sesame mill", 28_000, 130, "Ceramic, adjustable."}),
			demoBrand("Little Tiger", "Toys that survive.",
				demoProduct{"Wooden train set", 84_000, 65, "Beech; fits the tracks you have."},
				demoProduct{"Tiger puppet", 26_000, 210, "From a folk painting, and as friendly."},
				demoProduct{"Block set, 60 pieces", 57_000, 85, "Eight colours, water-based paint."},
				demoProduct{"Kite", 17_000, 190, "Flies in hardly any wind."},
				demoProduct{"Night light", 33_000, 145, "A rabbit, a mortar, the moon."}),
		},
		Coupons: demoCoupons(),
		Customers: []Customer{
			{LoginID: "ann", Email: "ann@customers.example", BirthDate: "1991-04-12", Gender: user.Female, Points: 500_000},
			{LoginID: "bob", Email: "bob@customers.example", BirthDate: "1988-11-02", Gender: user.Male, Points: 300_000},
			{LoginID: "cho", Email: "cho@customers.example", BirthDate: "1995-07-23", Gender: user.Female, Points: 1_000_000},
		},
	}
}

// demoProduct is a product of the demo shop.
type demoProduct struct {
	name        string
	price       money.Won
	stock       int64
	description string
}

// demoBrand gives the products of a brand their SKUs: DEMO-hanok-home-1 and so on.
func demoBrand(name, description string, products ...demoProduct) Brand {
	b := Brand{Name: name, Description: description}
	for i, p := range products {
		b.Products = append(b.Products, Product{
			SKU: fmt.Sprintf("DEMO-%s-%d", slug(name), i+1), Name: p.name,
			Description: p.description, Price: p.price, Stock: p.stock,
		})
	}
	return b
}

// demoCoupons are issued first come, first served.
func demoCoupons() []coupon.Coupon {
	return []coupon.Coupon{
		{
			ID: demoCouponID(1), Name: "Welcome: 10 % off", Type: coupon.Percent, Value: 10, MaxDiscount: new(money.Won(5_000)),
			MinOrderAmount: 20_000, Quantity: 10_000, ValidDays: 30,
		},
		{
			ID: demoCouponID(2), Name: "For the first hundred", Type: coupon.Fixed, Value: 3_000,
			MinOrderAmount: 10_000, Quantity: 100, ValidDays: 7,
		},
	}
}

// demoCouponID is 01980000-0000-7000-8000-000000000001 and so on: fixed ids that
// documentation can name.
func demoCouponID(n byte) id.ID { return id.ID{0: 0x01, 1: 0x98, 6: 0x70, 8: 0x80, 15: n} }

// slug returns the letters of a name in lower case, with hyphens for all other characters.
func slug(name string) string {
	var out []rune
	for _, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			out = append(out, r+'a'-'A')
		case r >= 'a' && r <= 'z':
			out = append(out, r)
		case len(out) > 0 && out[len(out)-1] != '-':
			out = append(out, '-')
		}
	}
	return string(out)
}
